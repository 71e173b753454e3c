# SPDX-License-Identifier: MIT
"""Makes what is kept of a dump small and free of the machine it was made on: other names for its folders inside the
core, and of each ELF file that Python code came from only what a reader of the heap asks for."""
import io
import os
import re
import struct
import tarfile

# Sections of which names are read: symbols, the build-id, and the addresses that they are found by.
KEPT_SECTIONS = {".note.gnu.build-id", ".dynsym", ".dynstr", ".gnu.hash", ".hash", ".dynamic", ".shstrtab",
                 ".gnu.version", ".gnu.version_r"}
PAGE = 4096
# In .rodata: the names of types, of their members and of functions; documentation and tables are dropped. A name may be
# the end of a longer text: linkers merge strings that end alike.
NAME = re.compile(rb"[A-Za-z_][A-Za-z0-9_.-]{0,63}(?=\0)|(?<=\0)3\.\d+\.\d+[+a-z0-9]* \([^\0]{0,100}(?=\0)")


def replacement(prefix):
    """As long as prefix, and of no machine."""
    return ("/opt/pythons" + "_" * len(prefix))[:len(prefix)]


def rename(data, prefixes):
    for prefix in prefixes:
        data = data.replace(prefix.encode(), replacement(prefix).encode())
    return data


def rename_in_file(path, prefixes):
    with open(path, "rb") as file:
        data = file.read()
    with open(path, "wb") as file:
        file.write(rename(data, prefixes))


def drop_files(path):
    """Leaves out of a core what a kernel's has not: the code, and of the read-only beginning of a mapped ELF file all
    but the first page. gdb writes them where it has set a breakpoint, and where headers are asked for."""
    with open(path, "r+b") as file:
        data = bytearray(file.read())
        offset, = struct.unpack_from("<Q", data, 0x20)
        size, count = struct.unpack_from("<HH", data, 0x36)
        for row in range(offset, offset + size * count, size):
            kind, flags, start, _, _, held = struct.unpack_from("<IIQQQQ", data, row)
            kept = held
            if kind == 1 and flags & 3 == 1:  # PT_LOAD, PF_X without PF_W
                kept = 0
            elif kind == 1 and flags == 4 and data[start:start + 4] == b"\x7fELF":
                kept = min(held, PAGE)
            struct.pack_into("<Q", data, row + 32, kept)
            data[start + kept:start + held] = bytes(held - kept)
        file.seek(0)
        file.write(data)


def sections(data):
    """(name, type, offset, size) of a 64-bit little-endian ELF file."""
    offset, = struct.unpack_from("<Q", data, 0x28)
    size, count, names = struct.unpack_from("<HHH", data, 0x3a)
    rows = [struct.unpack_from("<IIQQQQ", data, offset + size * index) for index in range(count)]
    strings = rows[names][4]
    for name, kind, _, _, start, length in rows:
        begin = strings + name
        yield data[begin:data.index(b"\0", begin)].decode(), kind, start, length


def pointers(data, start, length):
    """Where .rodata of a program that is not relocated holds addresses of its own: constant tables, such as the one
    that array.array takes its item sizes from. In what is relocated these are not in .rodata but in the core."""
    if struct.unpack_from("<H", data, 0x10)[0] != 2:  # ET_EXEC
        return
    low, high = 0x400000, 0x400000 + 2 * len(data)
    first = (start + 7) & ~7
    for index, word in enumerate(struct.unpack_from("<%dQ" % ((start + length - first) // 8), data, first)):
        if low <= word < high:
            yield first + 8 * index


def reduced(data):
    """The same file with zeros in all that is not asked for; it stays as long as it was, and compresses to little."""
    kept = bytearray(len(data))

    def keep(start, end):
        kept[start:end] = data[start:end]

    header_offset, = struct.unpack_from("<Q", data, 0x20)
    header_size, header_count = struct.unpack_from("<HH", data, 0x36)
    keep(0, 64)
    keep(header_offset, header_offset + header_size * header_count)
    section_offset, = struct.unpack_from("<Q", data, 0x28)
    section_size, section_count = struct.unpack_from("<HH", data, 0x3a)
    keep(section_offset, section_offset + section_size * section_count)
    for name, kind, start, length in sections(data):
        if kind == 8:  # SHT_NOBITS
            continue
        if name in KEPT_SECTIONS:
            keep(start, start + length)
        elif name == ".rodata":
            for match in NAME.finditer(data, start, start + length):
                keep(match.start(), match.end())
            for offset in pointers(data, start, length):
                keep(max(start, offset - 16), min(start + length, offset + 24))
    return bytes(kept)


def is_elf(path):
    try:
        with open(path, "rb") as file:
            return file.read(6) == b"\x7fELF\x02\x01"
    except OSError:
        return False


def write_files(paths, prefixes, target):
    """A tar of the reduced files, under the names that the renamed core has for them: a --sysroot once unpacked."""
    with tarfile.open(target, "w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(paths):
            if not is_elf(path):
                continue
            with open(path, "rb") as file:
                data = rename(reduced(file.read()), prefixes)
            entry = tarfile.TarInfo(rename(path.encode(), prefixes).decode().lstrip("/"))
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, io.BytesIO(data))


def mapped_files(pid):
    with open("/proc/%d/maps" % pid) as file:
        fields = [line.rstrip("\n").split(None, 5) for line in file]
    return {row[5] for row in fields if len(row) == 6 and row[5].startswith("/")
            and os.path.isfile(row[5]) and "python" in row[5].lower()}
