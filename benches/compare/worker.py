"""A process for each peer: what one holds in memory is not counted as another's, and the clock runs beside the engine."""

import multiprocessing
import time
import traceback


def serve(pipe, name, setup):
    """Answers the calls that come through the pipe, until it is closed."""
    import peers

    peer = peers.make(name, setup)
    while True:
        try:
            call, *arguments = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send((True, CALLS[call](peer, *arguments)))
        except Exception as error:
            pipe.send((False, f"{name}: {error}\n{traceback.format_exc()}"))


def ask(peer, workload, parameters, wanted):
    """Asks once, and returns the seconds, the peak of memory and, if wanted, the answer's columns and rows."""
    peer.forget_peak()
    took, answer = peer.ask(workload, parameters)
    peak = peer.peak()
    return took, peak, peer.rows(answer) if wanted else None


def load(peer):
    """Loads the tables, and returns the seconds."""
    begin = time.perf_counter()
    peer.load()
    return time.perf_counter() - begin


CALLS = {
    "load": load,
    "open": lambda peer: peer.open(),
    "close": lambda peer: peer.close(),
    "version": lambda peer: peer.version(),
    "ask": ask,
}


class Worker:
    """A peer in a process of its own."""

    def __init__(self, name, setup):
        self.name = name
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, name, setup), daemon=True)
        self.process.start()
        theirs.close()

    def call(self, *message):
        self.pipe.send(message)
        well, value = self.pipe.recv()
        if not well:
            raise RuntimeError(value)
        return value

    def end(self):
        """Ends the process, whatever state its peer is in."""
        try:
            self.call("close")
        except (RuntimeError, EOFError, OSError):
            self.process.terminate()
        self.pipe.close()
        self.process.join()
