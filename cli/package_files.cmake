# Run by cpack over the staged package: what an ordinary `cmake --install` leaves alone, since it belongs to others' folders.
set(root ${CPACK_TEMPORARY_INSTALL_DIRECTORY})
set(sources ${CMAKE_CURRENT_LIST_DIR}/..)
# gdb (9 and later) reads what lies in this folder at its start.
configure_file(${sources}/gdb/gdbinit-pydeepsize.py ${root}/etc/gdb/gdbinit.d/pydeepsize.py COPYONLY)
# `import pydeepsize` for Debian's own Python.
file(GLOB modules ${sources}/python/pydeepsize/*.py ${sources}/python/pydeepsize/py.typed)
file(COPY ${modules} DESTINATION ${root}/usr/lib/python3/dist-packages/pydeepsize)
configure_file(${sources}/LICENSE ${root}/usr/share/doc/pydeepsize/copyright COPYONLY)
# Manual pages are packed in Debian.
execute_process(COMMAND gzip -9nf ${root}/usr/share/man/man1/pydeepsize.1 RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "gzip cannot pack the manual page")
endif()
