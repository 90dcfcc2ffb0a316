"""``labctl twin``: the simulated bench for programs that talk to real instruments."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labctl.console import BENCH, DEFAULT_DIES, refuse

DEFAULT_PORT = 5025
"""What instruments with a raw socket usually listen on."""
DEFAULT_BOARD_PORT = 5026

twin_app = typer.Typer(
    help="The simulated B1500A for other programs: on a port, or as a WGFMU library file.",
    no_args_is_help=True,
)


@twin_app.command()
def serve(
    port: Annotated[
        int, typer.Option(help="TCP port; 0 takes a free one.", min=0, max=65535)
    ] = DEFAULT_PORT,
    board_port: Annotated[
        int,
        typer.Option(
            help="TCP port of the decoder board, if the bench file has one; 0 takes a free one.",
            min=0,
            max=65535,
        ),
    ] = DEFAULT_BOARD_PORT,
    host: Annotated[
        str,
        typer.Option(help="Address to listen on; any other than the default lets others in."),
    ] = "127.0.0.1",
    bench: BENCH = None,
    die: Annotated[
        str | None, typer.Option(help="Die that keeps its state; without it a fresh one.")
    ] = None,
    dies: Annotated[
        Path, typer.Option(envvar="LABCTL_DIES", help="Folder that holds the dies.")
    ] = DEFAULT_DIES,
    seed: Annotated[int | None, typer.Option(help="Seed of a fresh die.", min=0)] = None,
) -> None:
    """Serve the simulated B1500A until Ctrl-C: FLEX text and WGFMU sessions on one port.

    A decoder board has a port of its own.

    Example: labctl twin serve --die demo
    """
    import signal
    import threading

    from labctl.bench import DieChoice, DieError
    from labctl.benchfile import BenchFileError, load_setup
    from labctl.twin import TwinError, twin_server

    try:
        choice = DieChoice(die, seed, dies)
        server = twin_server(load_setup(bench), choice, host, port, board_port)
    except (BenchFileError, DieError, TwinError, OSError) as error:
        refuse(str(error))
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    try:
        with server:
            host, port = server.address
            typer.echo(f"simulated B1500A at TCPIP::{host}::{port}::SOCKET; Ctrl-C ends it")
            typer.echo(f"for WGFMU programs that open another address: LABCTL_TWIN={host}:{port}")
            if server.board_address is not None:
                host, port = server.board_address
                typer.echo(f"decoder board at TCPIP::{host}::{port}::SOCKET")
            # In pieces: on Windows a signal does not end a long wait.
            while not ended.wait(0.2):
                pass
    except OSError as error:
        refuse(f"the die could not be written: {error}")


@twin_app.command("build-library")
def build_library(
    folder: Annotated[Path, typer.Argument(help="Folder for the library and its header")],
) -> None:
    """Build a WGFMU library file for C, C++, MATLAB or ctypes programs, and wgfmu.h.

    Its sessions lead to LABCTL_TWIN=host:port, else to a private simulated bench.

    Example: labctl twin build-library simulated-wgfmu
    """
    from labctl.twin import TwinError
    from labctl.twin import build_library as build

    try:
        library, header = build(folder)
    except TwinError as error:
        refuse(str(error))
    typer.echo(f"{library}\n{header}")
