"""A WGFMU library file that C programs load, made of a Python object with the C names.

The file starts the Python environment it was built from inside the program that loads it, asks
there for the 88 functions, and passes each C call on to them. It holds absolute paths: it works on
the machine it was built on.
"""

from __future__ import annotations

import inspect
import json
import re
import shutil
import site
import sys
import sysconfig
import tempfile
from ctypes import POINTER, c_char, c_char_p, c_double, c_int
from enum import IntEnum
from pathlib import Path

from instruments.sim.wgfmu.library import CALLS
from instruments.wgfmu import library as interface
from instruments.wgfmu.library import SIGNATURES, ReturnCode

HEADER = "wgfmu.h"

_C_TYPES = {
    c_int: "int ",
    c_double: "double ",
    c_char_p: "const char *",
    POINTER(c_int): "int *",
    POINTER(c_double): "double *",
    POINTER(c_char): "char *",
    POINTER(c_char_p): "const char **",
    POINTER(POINTER(c_char)): "char **",
}

_CONSTANTS: tuple[tuple[str, type[IntEnum]], ...] = (
    ("WGFMU_", interface.ReturnCode),
    ("WGFMU_", interface.TestResult),
    ("WGFMU_WARNING_LEVEL_", interface.WarningLevel),
    ("WGFMU_OPERATION_MODE_", interface.OperationMode),
    ("WGFMU_FORCE_VOLTAGE_RANGE_", interface.ForceVoltageRange),
    ("WGFMU_MEASURE_MODE_", interface.MeasureMode),
    ("WGFMU_MEASURE_VOLTAGE_RANGE_", interface.MeasureVoltageRange),
    ("WGFMU_MEASURE_CURRENT_RANGE_", interface.MeasureCurrentRange),
    ("WGFMU_MEASURE_ENABLED_", interface.MeasureEnabled),
    ("WGFMU_TRIGGER_OUT_MODE_", interface.TriggerOutMode),
    ("WGFMU_TRIGGER_OUT_POLARITY_", interface.TriggerOutPolarity),
    ("WGFMU_AXIS_", interface.Axis),
    ("WGFMU_STATUS_", interface.Status),
    ("WGFMU_MEASURE_EVENT_", interface.MeasureEventStatus),
    ("WGFMU_MEASURE_EVENT_DATA_", interface.MeasureEventData),
)
"""Prefix of the C names of each enumeration (instruments.md, section 1.3)."""

_CALL_MACRO = """\
#if defined(_WIN32) && !defined(_WIN64)
#define WGFMU_CALL __stdcall
#else
#define WGFMU_CALL
#endif
"""

_HEADER = """\
/* The WGFMU interface as the simulated B1500A offers it. Every function returns 0 or a negative
   code. A size that is a pointer is the room of the arrays after it, and what was stored. */
#ifndef LABCTL_WGFMU_H
#define LABCTL_WGFMU_H

{call_macro}
{constants}

#ifdef __cplusplus
extern "C" {{
#endif

{declarations}

#ifdef __cplusplus
}}
#endif

#endif
"""

_SOURCE = """\
{call_macro}
#ifdef __linux__
#include <dlfcn.h>
#endif

CFFI_DLLEXPORT int labctl_bind(void **functions);

static void *functions[{count}];

/* Python's own extension modules look for its symbols among the global ones, where they are not
   if this library was loaded as plug-ins are. */
static void make_python_global(void)
{{
#ifdef __linux__
    Dl_info python;
    if (dladdr((void *)Py_IsInitialized, &python) && python.dli_fname)
        dlopen(python.dli_fname, RTLD_LAZY | RTLD_GLOBAL);
#endif
}}

/* Start the environment that the library was built from, unless the program is itself Python. */
static int start_python(void)
{{
    PyConfig config;
    PyStatus status;
    if (Py_IsInitialized())
        return 1;
    make_python_global();
    PyConfig_InitPythonConfig(&config);
    config.install_signal_handlers = 0;
    config.parse_argv = 0;
    status = PyConfig_SetString(&config, &config.program_name, {executable});
    if (!PyStatus_Exception(status))
        status = Py_InitializeFromConfig(&config);
    PyConfig_Clear(&config);
    if (PyStatus_Exception(status))
        return 0;
    PyEval_SaveThread();
    return 1;
}}

static int ready(void)
{{
    PyGILState_STATE state;
    int failed;
    if (functions[0])
        return 1;
    if (!start_python())
        return 0;
    state = PyGILState_Ensure();
    failed = PyRun_SimpleString({add_paths});
    PyGILState_Release(state);
    return !failed && labctl_bind(functions);
}}

{stubs}
"""

_INIT = """\
from ctypes import c_void_p, cast
from {module} import ffi

@ffi.def_extern()
def labctl_bind(functions):
    from importlib import import_module
    global library
    module, name = {entry!r}.split(":")
    library = getattr(import_module(module), name)()
    for index, function in enumerate({names!r}):
        address = cast(getattr(library, function), c_void_p).value
        functions[index] = ffi.cast("void *", address)
    return 1
"""

_MODULE = "_labctl_wgfmu"


class BuildError(RuntimeError):
    """The library cannot be built here; the text says what is missing."""


def header_text() -> str:
    """The C header: constants and the 88 declarations."""
    constants = [
        f"#define {prefix}{_c_name(member.name)} ({int(member)})"
        for prefix, members in _CONSTANTS
        for member in members
    ]
    declarations = [f"int WGFMU_CALL {name}({_parameters(name)});" for name in SIGNATURES]
    return _HEADER.format(
        call_macro=_CALL_MACRO,
        constants="\n".join(constants),
        declarations="\n".join(declarations),
    )


def build_shared_library(folder: Path, entry: str) -> tuple[Path, Path]:
    """Build library and header in ``folder``, which is made; returns their paths.

    ``entry`` is ``module:function``; the function returns the object with the C names. Raises
    `BuildError`.
    """
    require_tools()
    from cffi import FFI, VerificationError

    builder = FFI()
    builder.embedding_api("int labctl_bind(void **functions);")
    builder.embedding_init_code(_INIT.format(module=_MODULE, entry=entry, names=tuple(SIGNATURES)))
    libraries = [sysconfig.get_config_var("LIBDIR")] if sys.platform != "win32" else []
    builder.set_source(
        _MODULE, source_text(), library_dirs=libraries, runtime_library_dirs=libraries
    )
    stem = "wgfmu" if sys.platform == "win32" else "libwgfmu"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as temporary:
            built = Path(builder.compile(tmpdir=temporary, target=f"{stem}.*"))
            library = Path(shutil.copy2(built, folder))
        header = folder / HEADER
        header.write_text(header_text(), encoding="utf-8")
    except VerificationError as error:
        reason = str(error).strip().replace("\n", " ")
        raise BuildError(f"the library cannot be compiled: {reason}") from None
    except OSError as error:
        raise BuildError(f"the library cannot be written to {folder}: {error}") from None
    return library, header


def source_text() -> str:
    """The C code: one function for each of the 88, which calls the Python one."""
    folders = site.getsitepackages()
    add_paths = (
        f"import site, sys\n[site.addsitedir(f) for f in {folders!a} if f not in sys.path]\n"
    )
    return _SOURCE.format(
        call_macro=_CALL_MACRO,
        count=len(SIGNATURES),
        executable=_wide_string(sys.executable),
        add_paths=_string(add_paths),
        stubs="\n".join(_stub(index, name) for index, name in enumerate(SIGNATURES)),
    )


def require_tools() -> None:
    """Look whether the library can be built here. Raises `BuildError` with what is missing."""
    headers = Path(sysconfig.get_path("include"))
    if not (headers / "Python.h").is_file():
        raise BuildError(
            f"Python's C headers are missing (no Python.h in {headers}): install the development "
            "package of this Python"
        )
    if sys.platform != "win32":
        compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
        if shutil.which(compiler) is None:
            raise BuildError(f"the C compiler {compiler!r} is missing: install it")
    if sys.version_info >= (3, 12):
        try:
            import setuptools  # noqa: F401
        except ImportError:
            raise BuildError("the package setuptools is missing: install it with pip") from None


def _c_name(member: str) -> str:
    """A constant's name in C, where a number comes before its unit: V10_NEGATIVE, UA1."""
    return re.sub(r"^(V|UA|MA)(\d+)", r"\2\1", member)


def _parameters(name: str) -> str:
    """Parameters of a function: types of the interface, names of the Python functions."""
    names = list(inspect.signature(CALLS[name]).parameters)[1:]
    types = [_C_TYPES[kind] for kind in SIGNATURES[name]]
    pairs = zip(types, names, strict=True)
    return ", ".join(f"{kind}{parameter}" for kind, parameter in pairs) or "void"


def _stub(index: int, name: str) -> str:
    parameters = _parameters(name)
    given = [] if parameters == "void" else parameters.split(", ")
    arguments = ", ".join(re.split(r"[ *]+", parameter)[-1] for parameter in given)
    return (
        f"CFFI_DLLEXPORT int WGFMU_CALL {name}({parameters})\n"
        "{\n"
        f"    return ready() ? ((int (*)({parameters}))functions[{index}])({arguments})"
        f" : {int(ReturnCode.LIBRARY_ERROR)};\n"
        "}"
    )


def _string(text: str) -> str:
    """A C string literal of ASCII text; C has the escapes that JSON has."""
    return json.dumps(text)


def _wide_string(text: str) -> str:
    """A literal of wide characters."""
    escaped = [c if c.isascii() else f"\\U{ord(c):08x}" for c in text.replace("\\", "\\\\")]
    return 'L"' + "".join(escaped) + '"'
