"""The simulated B1500A mainframe: answers FLEX text as the instrument does."""
