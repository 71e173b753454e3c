# SPDX-License-Identifier: MIT
"""Changes words of a copy of an ELF file (64-bit, little-endian), so that it claims to be another build."""
import struct


class Elf(object):
    def __init__(self, path):
        self.path = path
        with open(path, "rb") as file:
            self.data = bytearray(file.read())
        offset, = struct.unpack_from("<Q", self.data, 0x28)
        size, count, names = struct.unpack_from("<HHH", self.data, 0x3a)
        rows = [struct.unpack_from("<IIQQQQIIQQ", self.data, offset + i * size) for i in range(count)]
        self.sections = {}
        for row in rows:
            start = rows[names][4] + row[0]
            name = self.data[start:self.data.index(b"\0", start)].decode()
            self.sections[name] = row

    def save(self):
        with open(self.path, "wb") as file:
            file.write(self.data)

    def symbol(self, wanted):
        """Where the Elf64_Sym of a name lies in .dynsym."""
        start, size = self.sections[".dynsym"][4:6]
        strings = self.sections[".dynstr"][4]
        for at in range(start, start + size, 24):
            name = strings + struct.unpack_from("<I", self.data, at)[0]
            if self.data[name:name + len(wanted) + 1] == wanted.encode() + b"\0":
                return at
        raise KeyError(wanted)

    def set_constant(self, name, value):
        """A constant of four bytes, in .rodata."""
        address, = struct.unpack_from("<Q", self.data, self.symbol(name) + 8)
        for row in self.sections.values():
            if row[3] != 0 and row[3] <= address < row[3] + row[5] and row[1] != 8:
                struct.pack_into("<I", self.data, row[4] + address - row[3], value)
                return
        raise KeyError(name)

    def set_symbol_size(self, name, size):
        struct.pack_into("<Q", self.data, self.symbol(name) + 16, size)

    def add_to_word(self, section, number, more):
        at = self.sections[section][4] + 8 * number
        struct.pack_into("<Q", self.data, at, struct.unpack_from("<Q", self.data, at)[0] + more)

    def change_build_id(self):
        start, size = self.sections[".note.gnu.build-id"][4:6]
        self.data[start + size - 1] ^= 0xff
