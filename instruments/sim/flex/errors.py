"""The mainframe's error codes with the instrument's own texts (instruments.md section 2.3)."""

from __future__ import annotations

ERROR_TEXTS = {
    0: "No Error.",
    100: "Undefined GPIB command.",
    102: "Incorrect numeric data syntax.",
    103: "Incorrect terminator position.",
    120: "Incorrect parameter value.",
    121: "Channel number must be 1 to 10.",
    122: "Number of channels must be corrected.",
    123: "Compliance must be set correctly.",
    124: "Incorrect range value for this channel.",
    126: "Pulse base and peak must be same polarity.",
    130: "Start and stop must be same polarity.",
    150: "Command input buffer is full.",
    152: "Cannot use failed module.",
    153: "No module for the specified channel.",
    200: "Channel output switch must be ON.",
    201: "Compliance must be set.",
    202: "Interlock circuit must be closed.",
    203: "Cannot enable channel.",
    205: "DZ must be sent before RZ.",
    210: "Ext trigger could not start measurement.",
    214: "Send MM before measurement trigger.",
    220: "Send WV or WI to set primary sweep source.",
    227: "Sweep measurement was aborted.",
    238: "Too large pulse width (max. 2 s).",
    260: "Data output buffer is full.",
    301: "Line power failure.",
    305: "Excess current in HPSMU.",
    310: "Interlock open operation error. Initialized.",
    323: "Use SSP instead of CN for SCUU modules.",
    603: "Sweep and pulse channels must be different.",
    650: "Data format must be ASCII to get time data.",
    3000: "WGFMU module does not exist.",
    3001: "RSU is not connected.",
    3015: "Measurement data corrupted.",
    3050: "Measurement data memory overflow error.",
    3051: "Measurement data FIFO overflow error.",
    3052: "Measurement range change request error.",
    3201: "ALWG Sequence Data is not ready.",
    3202: "ALWG Waveform Data is not ready.",
    3301: "Specified output voltage is out of absolute limits.",
    3302: "Specified voltage output range is invalid.",
    3303: "Invalid measurement mode for current operation mode.",
    3306: "ALWG Waveform Data is empty.",
    3400: "WGFMU module is in TEST FAIL state.",
}
"""Codes whose text is public. The instrument knows more."""


class FlexError(Exception):
    """A command is refused; the mainframe queues ``code`` and changes nothing."""

    def __init__(self, code: int) -> None:
        super().__init__(f"{code}: {ERROR_TEXTS[code]}")
        self.code = code


class NothingToRead(TimeoutError):
    """A read found neither a query response nor measurement data: over VISA it would time out."""
