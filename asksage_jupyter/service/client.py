"""The service over HTTPS: queries and uploads, which cost tokens, and all that costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import httpx

from ..errors import BadInput, NoRoute
from .free import FreeService
from .records import Answer, Embedded, Query, Trained
from .replies.wire import Body
from .routes import embeddings, plugins, questions, stream, training
from .way.departure import depart
from .way.payload import request_for, route


class Service(FreeService):
    """Ask Sage at one address, for one key, as of `FreeService`; what costs tokens, too.

    Notes
    -----
    What may cost tokens is tried again only where certainly nothing was billed.
    """

    _has_stream = True  # until the tenant says that it has none

    def query(
        self, query: Query, on_text: Callable[[str], None] | None = None, *, persists: bool = True
    ) -> Answer:
        """Ask a model.

        Parameters
        ----------
        query : Query
        on_text : callable, optional
            Called with the whole text so far as it arrives; what it raises passes untouched, and the
            connection is closed, as it is by a KeyboardInterrupt.
        persists : bool
            Whether it is sent again after a while where the service is busy; else the caller does.

        Raises
        ------
        BadInput
            The file cannot be read; nothing was sent.
        Refused
            Certainly not billed.
        ReplyLost
            The whole reply did not arrive; it may have been billed.
        """
        return self.prepare(query, on_text, persists=persists)()

    def prepare(
        self, query: Query, on_text: Callable[[str], None] | None = None, *, persists: bool = True
    ) -> Callable[[], Answer]:
        """The request for a model, built; called, it is sent, as of `query`.

        Raises
        ------
        BadInput
            The file cannot be read.
        """
        streamed = on_text is not None and self._has_stream
        address = route(self.url, "/server/query_stream" if streamed else "/server/query")
        request = request_for(self._client, address, query)
        if on_text is None:
            return partial(self._connection.paid, request, Body.answer, persists=persists)
        if not streamed:
            return partial(self._at_once, request, on_text)
        return partial(self._as_it_comes, request, query, on_text)

    def _as_it_comes(self, request: httpx.Request, query: Query, on_text: Callable[[str], None]) -> Answer:
        try:
            return self._connection.persist(partial(self._streamed, request, on_text))
        except NoRoute:
            self._has_stream = False
        depart(False)
        return self._at_once(request_for(self._client, route(self.url, "/server/query"), query), on_text)

    def _at_once(self, request: httpx.Request, on_text: Callable[[str], None]) -> Answer:
        answer = self._connection.paid(request, Body.answer)
        on_text(answer.text)
        return answer

    def execute_plugin(self, name: str, values: Mapping[str, str], model: str) -> Answer:
        """Run a plugin on a model; its `tokens` are None where the tenant does not tell the bill.

        Raises
        ------
        Refused, ReplyLost
            As of `query`.
        """
        request = plugins.request_for(self._client, name, values, model)
        del values  # they may be a prompt, and this frame may be shown in a traceback
        return self._connection.persist(partial(plugins.execute, self._connection, request))

    def follow_up(self, message: str, model: str) -> Answer:
        """Questions to ask next, after `message`, one a line; a model writes them, so they may be billed.

        Its `tokens` are None where the tenant does not tell the bill.

        Raises
        ------
        Refused, ReplyLost
            As of `query`.
        """
        request = questions.request_for(self._client, message, model)
        del message
        return self._connection.paid(request, questions.questions_in)

    def train(self, content: str, dataset: str, *, context: str = "") -> Trained:
        """Add text to a dataset, on the training meter.

        Parameters
        ----------
        content : str
        dataset : str
            Its name, as `datasets` lists it.
        context : str
            What the text is from; not billed.

        Raises
        ------
        BadInput
            There is no text or no dataset; nothing was sent.
        Refused, ReplyLost
            As of `query`.
        """
        request = training.request_for(self._client, content, dataset, context)
        del content, context
        if isinstance(request, BadInput):
            raise request
        return self._connection.paid(request, training.trained_in)

    def train_file(self, path: Path, dataset: str) -> Trained:
        """Add a file to a dataset, on the training meter; images and sound on the inference meter as well.

        Raises
        ------
        BadInput
            The file is empty or cannot be read, or there is no dataset; nothing was sent.
        Refused, ReplyLost
            As of `query`.
        """
        request = training.request_with_file(self._client, path, dataset)
        return self._connection.paid(request, training.trained_in)

    def embed(
        self, inputs: Sequence[str | list[int]], model: str, *, dimensions: int | None = None
    ) -> Embedded:
        """Texts as vectors, on the training meter; its `tokens` are None where the bill is not told.

        Parameters
        ----------
        inputs : sequence of str or list of int
            Each a text, or its model tokens; at most 256.
        model : str
        dimensions : int, optional
            Of each vector, where the model can give fewer than it has.

        Raises
        ------
        Refused, ReplyLost
            As of `query`; `NoRoute` where the tenant has no such route.
        """
        request = embeddings.request_for(self._client, inputs, model, dimensions)
        many = len(inputs)
        del inputs
        return self._connection.paid(request, lambda body: embeddings.embedded_in(body, many))

    def _streamed(self, request: httpx.Request, on_text: Callable[[str], None]) -> Answer:
        credentials = self._connection.credentials
        response = self._connection.send(request, credentials, streamed=True)
        try:
            return stream.read(response, on_text, credentials.hide)
        finally:
            response.close()
