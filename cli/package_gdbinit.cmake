# Run by cpack over the staged package: gdb (9 and later) reads what lies in this folder at its start. An ordinary
# `cmake --install` leaves /etc alone.
configure_file(${CMAKE_CURRENT_LIST_DIR}/../gdb/gdbinit-pydeepsize.py
  ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/etc/gdb/gdbinit.d/pydeepsize.py COPYONLY)
