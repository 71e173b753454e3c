import locks_gate; locks_gate.ready(); locks_gate.wait()
