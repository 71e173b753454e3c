# SPDX-License-Identifier: MIT
"""What LLDB does not tell of its target and ELF headers do: which core file it has open (before LLDB 19), and which
part of its file a mapping shows. Knows no debugger. Python 3.6 syntax, standard library only."""
import os
import struct

CLASS_64, LITTLE, TYPE_CORE, PT_LOAD = 2, 1, 4, 1
HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
PROGRAM = struct.Struct("<IIQQQQQQ")
MOST_PROGRAMS = 65536
COMPARED_BYTES = 64
MOST_COMPARED = 64  # segments of a core that are compared with memory
PAGE = 4096


def programs(read):
    """(type of the file, its PT_LOAD rows as (offset, address, bytes in the file)); read(offset, size)
    gives bytes of the file. None for what is no ELF file that we read."""
    data = read(0, HEADER.size)
    if data is None or len(data) < HEADER.size or data[:4] != b"\x7fELF" or data[4] != CLASS_64 or data[5] != LITTLE:
        return None
    fields = HEADER.unpack(data)
    kind, table, row_bytes, count = fields[1], fields[5], fields[9], fields[10]
    if row_bytes != PROGRAM.size or count > MOST_PROGRAMS:
        return None
    data = read(table, count * row_bytes)
    if data is None or len(data) < count * row_bytes:
        return None
    rows = [PROGRAM.unpack_from(data, number * row_bytes) for number in range(count)]
    return kind, [(row[2], row[3], row[5]) for row in rows if row[0] == PT_LOAD]


def file_reader(file):
    def read(offset, size):
        file.seek(offset)
        return file.read(size)
    return read


def is_core(path):
    try:
        if not os.path.isfile(path):
            return False
        with open(path, "rb") as file:
            header = file.read(HEADER.size)
        return len(header) == HEADER.size and header[:4] == b"\x7fELF" and HEADER.unpack(header)[1] == TYPE_CORE
    except OSError:
        return False


def cores_of_this_process():
    """Paths of core files among our own arguments (--core=FILE too) and mapped files, each file once."""
    candidates = []
    try:
        with open("/proc/self/cmdline", "rb") as file:
            arguments = [os.fsdecode(one) for one in file.read().split(b"\0") if one]
        for argument in arguments:
            candidates += [argument, argument.partition("=")[2], argument[2:]]  # FILE, --core=FILE, -cFILE
        with open("/proc/self/maps", "rb") as file:
            for line in file:
                columns = line.rstrip(b"\n").split(None, 5)
                if len(columns) == 6 and columns[5].startswith(b"/"):
                    candidates.append(os.fsdecode(columns[5]))
    except OSError:
        pass
    found = {}
    for path in candidates:
        if path and is_core(path):
            status = os.stat(path)
            found.setdefault((status.st_dev, status.st_ino), os.path.abspath(path))
    return list(found.values())


def core_holds(path, read_memory):
    """Whether the beginning and the end of the core's segments are what read_memory(address, size) gives (bytes or
    None)."""
    with open(path, "rb") as file:
        read = file_reader(file)
        found = programs(read)
        if found is None:
            return False
        rows = [row for row in found[1] if row[2] >= COMPARED_BYTES]
        step = max(1, len(rows) // MOST_COMPARED)
        compared = 0
        for offset, address, file_bytes in rows[::step]:
            for place in (0, file_bytes - COMPARED_BYTES):
                data = read(offset + place, COMPARED_BYTES)
                if len(data) < COMPARED_BYTES:
                    continue  # lost with the tail of a truncated core
                if read_memory(address + place, COMPARED_BYTES) != data:
                    return False
                compared += 1
    return compared > 0


def with_file_offsets(rows, read_memory):
    """Rows of (start, end, protection, path) in the order of addresses as (start, end, file offset, protection, path).
    The header of a file, which its first row shows, says which row shows what; 0 where there is no header."""
    found, path_before, image = [], None, None
    for start, end, protection, path in rows:
        path = path if path and path.startswith("/") else None
        if path is not None and path != path_before:
            image = image_at(start, read_memory)
        path_before = path or path_before
        offset = 0
        for row_offset, address, file_bytes in (image or []) if path else []:
            first = address & -PAGE
            if first <= start < address + file_bytes:
                offset = (row_offset & -PAGE) + start - first
                break
        found.append((start, end, offset, protection, path))
    return found


def image_at(start, read_memory):
    """PT_LOAD rows of the ELF file whose first page is mapped at `start`, in addresses of the target; None: no ELF."""
    def read(offset, size):
        try:
            return read_memory(start + offset, size)
        except Exception:  # pylint: disable=broad-except
            return None
    found = programs(read)
    if found is None or not found[1]:
        return None
    bias = start - min(address for _offset, address, _file_bytes in found[1]) // PAGE * PAGE
    return [(offset, address + bias, file_bytes) for offset, address, file_bytes in found[1]]
