"""The examples in the docstrings of labctl.analysis hold."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import labctl.analysis

MODULES = [module.name for module in pkgutil.iter_modules(labctl.analysis.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name: str) -> None:
    module = importlib.import_module(f"labctl.analysis.{name}")
    result = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert result.failed == 0
