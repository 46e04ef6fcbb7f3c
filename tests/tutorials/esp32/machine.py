"""Pins and a sensor that measures half of what it can."""


class Pin:
    OUT = 1

    def __init__(self, number, mode):
        self._value = 0

    def value(self, value):
        self._value = value


class ADC:
    def __init__(self, number):
        pass

    def read_u16(self):
        return 32768
