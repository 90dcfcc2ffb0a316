"""Return codes of the WGFMU library turned into exceptions that carry the library's own text."""

from __future__ import annotations

from ctypes import byref, c_int, create_string_buffer

from instruments.wgfmu.library import ReturnCode, WgfmuLibrary

MEANINGS: dict[int, str] = {
    ReturnCode.NO_ERROR: "No error.",
    ReturnCode.PARAMETER_OUT_OF_RANGE_ERROR: "A parameter is out of its range.",
    ReturnCode.ILLEGAL_STRING_ERROR: "A string is empty or missing.",
    ReturnCode.CONTEXT_ERROR: "The function cannot be called in the present state.",
    ReturnCode.FUNCTION_NOT_SUPPORTED_ERROR: "The function is not supported by this channel.",
    ReturnCode.COMMUNICATION_ERROR: "Communication with the instrument failed.",
    ReturnCode.FW_ERROR: "The instrument's firmware reported an error.",
    ReturnCode.LIBRARY_ERROR: "The WGFMU library refused the setup.",
    ReturnCode.ERROR: "Unidentified error.",
    ReturnCode.CHANNEL_NOT_FOUND_ERROR: "The channel does not exist or is no WGFMU channel.",
    ReturnCode.PATTERN_NOT_FOUND_ERROR: "The pattern does not exist.",
    ReturnCode.EVENT_NOT_FOUND_ERROR: "The event does not exist.",
    ReturnCode.PATTERN_ALREADY_EXISTS_ERROR: "A pattern of that name exists already.",
    ReturnCode.SEQUENCER_NOT_RUNNING_ERROR: "No sequencer has been started.",
    ReturnCode.RESULT_NOT_READY_ERROR: "The measurement result is not ready yet.",
    ReturnCode.RESULT_OUT_OF_DATE: "The measurement result was deleted by a later setup change.",
}
"""What each return code says (instruments.md, section 1.4)."""


class WgfmuError(Exception):
    """A WGFMU function returned an error.

    ``code`` is what it returned, ``function`` its C name, ``text`` the library's own error text
    (all queued errors, oldest first; empty if it queued none). As a message it is one line.
    """

    def __init__(self, code: int, function: str, text: str) -> None:
        meaning = MEANINGS.get(code, "Unknown return code.")
        super().__init__(" ".join(text.split()) or f"{code}: Error in {function}: {meaning}")
        self.code = code
        self.function = function
        self.text = text


def check(library: WgfmuLibrary, function: str, code: int) -> None:
    """Raise WgfmuError, with the library's queued texts, if ``code`` is not 0."""
    if code != ReturnCode.NO_ERROR:
        raise WgfmuError(code, function, drain_errors(library))


def drain_errors(library: WgfmuLibrary) -> str:
    """Take every queued error text out of the library, oldest first, and join them."""
    texts: list[str] = []
    size = c_int(0)
    while library.WGFMU_getErrorSize(byref(size)) == 0 and size.value > 0:
        buffer = create_string_buffer(size.value + 1)
        if library.WGFMU_getError(buffer, byref(size)) != 0:
            break
        texts.append(buffer.value.decode("utf-8", errors="replace"))
    return "".join(texts)
