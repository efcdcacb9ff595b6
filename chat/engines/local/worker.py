"""The one thread that runs the model, for all requests at once.

transformers' continuous batching, with five of its habits corrected:

1. Its thread is not a daemon and would keep the process alive: it ends here when
   the main thread does.
2. It dies of any exception, in silence: `on_exit` is called when it ends.
3. `cancel_request` leaks the request's result handler: `cancel` removes it.
4. A step that hangs would hang it for ever: `step_seconds` tells how long one takes,
   and `abandon` leaves the thread to itself.
5. After requests were pushed out of a full cache it takes no new one until another
   *finishes*: where the others were cancelled that would be never.
"""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import Empty, Queue
from typing import Any

import torch
from transformers import ContinuousBatchingConfig, GenerationConfig
from transformers.generation.continuous_batching import ContinuousBatchingManager

from chat.engines.local import attention, scheduler, threads
from chat.engines.local.sampling import Chooser, SamplingProcessor
from chat.engines.local.speculation import Speculator, verify

# It prints by a handler of its own, each request at INFO: log as everybody does.
library_log = logging.getLogger("ContinuousBatchingLogger")
library_log.handlers.clear()
library_log.propagate = True
library_log.setLevel(logging.WARNING)


class BatchWorker(ContinuousBatchingManager):
    """Call it from one thread only, the event loop's."""

    def __init__(
        self,
        model: Any,
        config: ContinuousBatchingConfig,
        on_exit: Callable[[], None],
        speculator: Speculator,
    ) -> None:
        attention.install()
        scheduler.install()
        # do_sample=False: the worker takes the argmax of what our processor made.
        greedy = GenerationConfig(do_sample=False, eos_token_id=-1)
        super().__init__(model, greedy, config)
        self._on_exit = on_exit
        self._speculator = speculator
        self._step_began: float | None = None
        self._abandoned: Exception | None = None
        processors = self.logit_processor
        sampler = SamplingProcessor()
        sampler.drafts = speculator.drafts
        processors.logits_processor.append(sampler)
        processors.tensors_required += 1
        processors._retrieve_processors_kwargs()
        processors.do_processing = True

    def submit(
        self,
        request_id: str,
        ids: list[int],
        *,
        max_new_tokens: int,
        ends: frozenset[int],
        chooser: Chooser,
        on_output: Callable[[Any], None],
    ) -> bool:
        """Queue a request; False where the thread is dead. Never blocks.

        Outputs arrive on the running event loop, each with all tokens so far.
        """
        self.register_result_handler(request_id, on_output)
        accepted = self.is_running() and self.add_request(
            ids,
            request_id=request_id,
            max_new_tokens=max_new_tokens,
            streaming=True,
            eos_token_id=sorted(ends) or -1,
            chooser=chooser,
        )
        if not accepted:
            self._forget(request_id)
        return bool(accepted)

    def cancel(self, request_id: str) -> None:
        """Free what the request holds, before the next step. Unknown ids are fine."""
        self._forget(request_id)
        self.cancel_request(request_id)

    def restart(self) -> None:
        """Start the thread again after it died, with the same model and cache."""
        if self._generation_thread is not None:
            self._generation_thread.join()
        for queue in (self.input_queue, self.cancel_queue):
            empty(queue)
        # What a failed step had begun to compute, above all one without memory.
        gc.collect()
        if self.model.device.type == "cuda":
            torch.cuda.empty_cache()
        self.start()

    @property
    def step_seconds(self) -> float:
        """How long the present step takes; 0 between two."""
        began = self._step_began
        return 0.0 if began is None else time.monotonic() - began

    def abandon(self, why: Exception) -> None:
        """Nobody waits for the thread any more: it ends if its step ever does."""
        self._abandoned = why
        self._forget_all()

    @property
    def last_error(self) -> Exception | None:
        error: Exception | None = self.background_thread_status.fatal_error
        return self._abandoned or error

    def _forget(self, request_id: str) -> None:
        with self.output_router._lock:
            self.output_router.result_handlers.pop(request_id, None)

    def _create_batch_processor(self) -> Any:
        processor = super()._create_batch_processor()
        processor.scheduler.speculate = self._speculate
        return processor

    def _generation_loop_body(self, batch_processor: Any, bootstrapping: bool) -> bool:
        if self._abandoned or not threading.main_thread().is_alive():
            self._forget_all()
            return False
        scheduler = batch_processor.scheduler
        if scheduler.block_new_requests and not scheduler.active_requests:
            scheduler.block_new_requests = False
        going: bool = super()._generation_loop_body(batch_processor, bootstrapping)
        self._speculator.keep(scheduler.active_requests.keys())
        return going

    def _speculate(self, running: Sequence[Any], budget: int) -> None:
        with self._step():
            self._speculator.draft(running, self.batch_processor.cache, budget)

    def _generation_step(self) -> None:
        scheduler, began = self.batch_processor.scheduler, time.perf_counter()
        with self._step():
            if self._speculator.drafts:
                verify(self.batch_processor, self.model, self._speculator)
            else:
                super()._generation_step()
        scheduler.pace.note(scheduler.tokens, time.perf_counter() - began)

    @contextmanager
    def _step(self) -> Iterator[None]:
        """What happens here must come to an end: the watchdog looks at it."""
        self._step_began = time.monotonic()
        try:
            yield
        finally:
            self._step_began = None

    def _run_generation_loop(self) -> None:
        try:
            threads.settle(self.model)
            super()._run_generation_loop()
        finally:
            self._on_exit()

    def _forget_all(self) -> None:
        """The event loop may be closed: delivering to it would raise."""
        with self.output_router._lock:
            self.output_router.result_handlers.clear()


def empty(queue: Queue[Any]) -> None:
    try:
        while True:
            queue.get_nowait()
    except Empty:
        return
