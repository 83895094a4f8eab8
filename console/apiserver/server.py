"""The API server: sockets, identity, limits, and the way of a request to its handler.

Every failure is a `Status` object; what was not foreseen is logged and answered without details. Closing lets requests
finish and ends watches, whose clients come back.
"""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from aiohttp import web
from aiohttp.hdrs import METH_CONNECT

from common.api.kinds import Resource
from common.api.meta import Object
from common.client.base import Client
from common.clock import Clock
from common.errors import ApiError, InternalError, ServiceUnavailable, method_not_allowed
from common.events import Recorder
from common.jwt import SigningKey
from common.pki import MASTERS, new_key
from common.session import MAX_REQUEST_LINE
from common.settings import ClusterConfig
from console.registry.catalog import Registry
from console.store import Store

from . import readonly
from .access.attributes import Attributes
from .access.authorizer import ALLOWED, Authorizer
from .access.certificates import CertificateGuard
from .access.escalation import EscalationGuard
from .access.noderestriction import NodeRestriction
from .access.reconcile import reconcile
from .aggregation.availability import Availability
from .aggregation.frontproxy import FrontProxy, publish
from .aggregation.proxy import serve_remote
from .aggregation.registration import Registration
from .aggregation.remote import Remote
from .audit.auditor import Auditor
from .audit.request import TRAIL, factory
from .audit.trail import Trail
from .authentication import Authenticator, shown
from .authorization import attributes, needed, path_attributes
from .backends import Computed, Explainer, HostAdmin, NodeStreams
from .caller import Caller
from .conversion import Conversions
from .customresources import CustomResources
from .extension.chain import Extension
from .extension.matching import Scope
from .extension.typechecking import TypeChecking
from .figures import figures
from .fitting import Fitting
from .flowcontrol.control import FLOW, FlowControl, flow_headers, flow_lines
from .flowcontrol.upkeep import Upkeep
from .health import checks, is_health
from .history.journal import Journal
from .history.undo import Undo
from .hosts import Hosts
from .identity.accounts import ServiceAccountTokens
from .identity.impersonation import Impersonation
from .identity.reviews import Reviews
from .instruments import Instruments
from .keyrotation import KeyRotations
from .lane import Answer, LaneServer
from .local import LocalClient
from .negotiation import is_pretty
from .options import parse_bool
from .podsecurity import PodSecurity
from .proxying.services import Services
from .quota import QuotaGuard
from .requestinfo import RequestInfo, parse_request
from .requestlabels import asked_of, asked_of_get
from .resources import Resources
from .responses import NOT_KEPT, at_once, error_response
from .seed import seed, seed_range
from .specials import specials
from .standing import Standing
from .system import System
from .verbs import StoreLookup, Verbs
from .watchpaths import OLDER, WATCH, older_watch

log = logging.getLogger(__name__)

SHUTDOWN_SECONDS = 5.0
_LONG_RUNNING = frozenset({"log", "exec", "attach", "portforward", "adopt", "images", "proxy", "shell"})

_STREAMED = frozenset({"websocket", "spdy/3.1"})


class ListenError(Exception):
    """An address cannot be listened on; the message names it and says what to do."""


class ApiServer:
    """`streams`, `explainer`, `hosts` and `computed` are the parts of other components that requests reach through it;
    without one of them its requests are answered ServiceUnavailable. `revoked` says of a serial number whether its
    certificate is trusted no longer. `signer` signs tokens of ServiceAccounts; without one they last as long as this
    server. `front` is who it is to API servers of users; without it none of them is asked. `audit` is the folder of the
    audit log; without one there is none."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        clock: Clock,
        config: ClusterConfig,
        *,
        streams: NodeStreams | None = None,
        explainer: Explainer | None = None,
        hosts: HostAdmin | None = None,
        computed: Computed | None = None,
        revoked: Callable[[int], bool] = lambda _serial: False,
        signer: SigningKey | None = None,
        front: FrontProxy | None = None,
        audit: Path | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._registry = registry
        self.tokens = ServiceAccountTokens(signer or SigningKey(new_key()), store, clock, config)
        self._authorizer = Authorizer(store)
        self._guards = (
            EscalationGuard(self._authorizer),
            CertificateGuard(self._authorizer),
            QuotaGuard(store, clock),
            NodeRestriction(),
        )
        self._auditor = Auditor(clock, registry, audit)
        self._journal = journal = Journal(store, clock, audit=self._auditor.wrote)
        lookup = StoreLookup(store)
        services = Services(lookup, streams)
        conversions = Conversions(services)
        scope = Scope(lookup, registry, services, conversions, self._authorizer.decide)
        self._extension = extension = Extension(scope, PodSecurity(lookup, clock))
        self._verbs = Verbs(store, clock, config, journal, self._guard, computed, extension, conversions)
        self._hosts = Hosts(hosts)
        self._events = Recorder(self.local_client("system:apiserver"), clock, "quarterdeck-apiserver")
        undo = Undo(self._verbs, registry, journal, self._authorize)
        self._authenticator = Authenticator(revoked, self.tokens, clock)
        self._impersonation = Impersonation(self._authorizer)
        self._reviews = Reviews(
            self._authorizer,
            self.tokens,
            {
                "Fit": Fitting(self._verbs, registry, explainer).answer,
                "KeyRotation": KeyRotations(store).answer,
            },
        )
        self._resources = Resources(
            self._verbs,
            registry,
            specials(self._verbs, streams, explainer, self._hosts, undo, self.tokens, self._events),
            self._reviews,
            self._authorizer.check,
        )
        self._services, self._front = services, front
        self._remotes = None if front is None else Availability(store, registry, self._verbs, services, front, clock)
        self._instruments = Instruments()
        known = checks(store=lambda: store.fault, closing=lambda: self._closing)
        self._flow = FlowControl(store)
        self._system = System(registry, known, self._figures, self.tokens, self._known_remotes, self._flow.dump)
        self._custom = CustomResources(store, registry, self._verbs, clock)
        self._type_checking = TypeChecking(store, registry, self._verbs, clock)
        self._flow_objects = Upkeep(store, self.local_client("system:apiserver"), clock)
        self._registration = Registration(store, self.local_client("system:kube-aggregator"), clock)
        self._runner: web.ServerRunner | None = None
        self._socket_path: Path | None = None
        self._closing = False

    def local_client(self, user: str, groups: frozenset[str] = frozenset()) -> Client:
        """The API without the wire, for a component of this process."""
        return LocalClient(self._verbs, self._registry, Caller(user, groups), self._hosts, self.tokens)

    def allowed(self, question: Object) -> bool:
        """Whether what the spec of a SubjectAccessReview asks is allowed; for components of this process."""
        return self._reviews.allowed(question)

    async def start(self, socket_path: Path | None, tls: tuple[str, int, ssl.SSLContext] | None = None) -> None:
        """Create what every cluster has, then listen. Port 0 takes any free one. Raises ListenError."""
        self._authorizer.start()
        await self._auditor.start(self._journal)
        self._custom.load()
        self._custom.start()
        self._type_checking.start()
        self._registration.start()
        self._events.start()
        client = self.local_client("system:apiserver")
        built_in = (row.resource for row in self._registry.rows() if row.custom is None)
        await seed(client, sorted({(resource.group, resource.version) for resource in built_in}))
        await seed_range(client, self._verbs.config.service_cidrs, self._verbs.clock)
        await reconcile(client)
        await self._flow_objects.start()
        self._flow.start()
        if self._front is not None:
            await publish(client, self._front)
        if self._remotes is not None:
            self._remotes.start()
        # Bodies come as they were sent: Kubernetes takes no compressed ones, and what is proxied goes on as it is.
        answering = LaneServer(
            self._handle, self._meet, self._clock, make=factory(self._auditor), handler_cancellation=True,
            access_log=None, auto_decompress=False, max_line_size=MAX_REQUEST_LINE,
        )  # fmt: skip
        self._runner = web.ServerRunner(answering, shutdown_timeout=SHUTDOWN_SECONDS)
        await self._runner.setup()
        try:
            if socket_path is not None:
                await web.SockSite(self._runner, _listen_on_path(socket_path)).start()
                self._socket_path = socket_path
            if tls is not None:
                host, port, context = tls
                await web.SockSite(self._runner, _listen_on_port(host, port), ssl_context=context).start()
        except BaseException:
            await self.close()
            raise

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where TLS is answered: host and port."""
        found = self._runner.addresses if self._runner else []
        return [(address[0], address[1]) for address in found if isinstance(address, tuple)]

    async def close(self) -> None:
        self._closing = True
        if self._remotes is not None:
            await self._remotes.close()
        await self._custom.close()
        await self._type_checking.close()
        await self._flow_objects.close()
        await self._registration.close()
        self._resources.end_watches()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        await self._events.close()
        await self._auditor.close()
        if self._socket_path is not None:
            self._socket_path.unlink(missing_ok=True)
            self._socket_path = None

    async def _handle(self, http: web.BaseRequest) -> web.StreamResponse:
        sent = http
        if (older := older_watch(http.rel_url)) is not None:
            http = http.clone(rel_url=older.url) if http.method == "GET" else http
            http[OLDER] = older
        path = http.path.rstrip("/") or "/"
        info = parse_request(http.method, path)
        started, code = self._clock.monotonic(), 0  # the code of whoever went before there was an answer
        trail = self._auditor.begin(http, info)
        http[TRAIL] = sent[TRAIL] = trail
        try:
            response = await self._answer(http, path, info, trail)
            code = response.status
            if not response.prepared:
                response.headers.setdefault("Cache-Control", NOT_KEPT)
                response.headers.update(flow_headers(http))
            return response
        finally:
            self._auditor.ended(trail, code)
            seconds = self._clock.monotonic() - started
            self._instruments.ended(asked_of(http, info, self._registry), code, seconds)

    async def _answer(
        self, http: web.BaseRequest, path: str, info: RequestInfo | None, trail: Trail
    ) -> web.StreamResponse:
        try:
            return await self._admit(http, path, info, trail)
        except ApiError as error:
            trail.failed(error.to_status())
            return error_response(error, pretty=is_pretty(http.headers, http.query))
        except ConnectionError:
            raise
        except Exception:
            log.exception("%s %s failed in an unexpected way", http.method, http.path)
            return error_response(InternalError("an internal error occurred; the log of the control plane has it"))

    async def _admit(
        self, http: web.BaseRequest, path: str, info: RequestInfo | None, trail: Trail
    ) -> web.StreamResponse:
        caller = self._authenticator.authenticate(shown(http), trail)

        def asked() -> Attributes:
            return path_attributes(http.method, http.path) if info is None else attributes(info, http.query)

        caller = self._impersonation.act(caller, http.headers, asked)
        readonly.check(http.headers, http.method, info)
        if self._closing and not is_health(path):
            raise ServiceUnavailable("the API server is closing", retry_after=1)
        watches = info is not None and _watches(http, info)
        streams = info is not None and _streams(http, info)
        trail.long_running = watches or streams
        if streams:
            return await self._route(http, path, info, caller)
        flow = self._flow.flow(caller, lambda: _asked(http, info), resource=info is not None)
        if flow is None:
            return await self._serve(http, path, info, caller)
        http[FLOW] = flow
        await flow.enter()
        if watches:
            # What a watch tells later takes no seat.
            flow.level.leave()
            return await self._route(http, path, info, caller)
        try:
            return await self._serve(http, path, info, caller)
        finally:
            flow.level.leave()

    async def _serve(
        self, http: web.BaseRequest, path: str, info: RequestInfo | None, caller: Caller
    ) -> web.StreamResponse:
        with self._instruments.under_way(mutating=http.method not in {"GET", "HEAD"}):
            return await self._route(http, path, info, caller)

    async def _route(
        self, http: web.BaseRequest, path: str, info: RequestInfo | None, caller: Caller
    ) -> web.StreamResponse:
        if info is None:
            self._authorizer.check(caller, path_attributes(http.method, http.path))
        else:
            self._require_rights(caller, info, http.query)
        remote = self._remote_of(path)
        if remote is not None and self._front is not None:
            return await serve_remote(self._services, self._front, remote, http, caller)
        if (older := http.get(OLDER)) is not None:
            older.check(http.method, self._resources.row)
        if http.method == METH_CONNECT:  # whose path is none of ours, and whose body would never end
            raise method_not_allowed()
        if info is None or info.deeper:
            return await self._system.handle(http, path)
        return await self._resources.handle(http, info, caller)

    def _require_rights(self, caller: Caller, info: RequestInfo, query: Mapping[str, str]) -> None:
        if MASTERS in caller.groups:  # the authorizer knows it too: this spares reading out what is asked
            self._authorizer.note(caller, ALLOWED)
            return
        for asked in needed(info, query):
            self._authorizer.check(caller, asked)

    def _meet(self, http: web.BaseRequest) -> Answer | None:
        """What answers requests with the same headers at once."""
        standing = Standing.of(http)
        return None if standing is None else partial(self._at_once, standing)

    def _at_once(self, standing: Standing, path: str) -> bytes | None:
        """The whole answer to a GET of one object, by the steps of `_handle` in one go. None where one of them refuses,
        has to wait or does more: then nothing of it has happened."""
        info = parse_request("GET", path)
        if info is None or info.verb != "get" or info.subresource or info.plural == WATCH or self._closing:
            return None
        started = self._clock.monotonic()
        trail = self._auditor.resume(standing.introduction, path, info.verb, info)
        try:
            caller = self._authenticator.identify(standing.shown, trail)
            readonly.check(standing.headers, "GET", info)
            flow = self._flow.flow(caller, lambda: info.attributes, resource=True)
            decision = self._authorizer.decide(caller, info.attributes)
            if not decision.allowed or self._remote_of(path) is not None or (flow is not None and flow.level.is_full):
                return None
            body = self._resources.at_once(info, standing.form, trail.received)
        except Exception:  # noqa: BLE001 - the ordinary way comes upon it, too, and says so
            return None
        if body is None:
            return None
        if flow is not None:
            flow.level.passed(flow.schema.name)
        trail.user = caller.info
        trail.decided(allowed=True, reason=decision.reason)
        self._auditor.ended(trail, 200)
        asked = asked_of_get(info.group, info.version, info.plural)
        self._instruments.ended(asked, 200, self._clock.monotonic() - started)
        return at_once(body, standing.form.media, flow_lines(flow), trail.audit_id, trail.received)

    def _known_remotes(self) -> list[Remote]:
        return [] if self._remotes is None else self._remotes.remotes

    def _remote_of(self, path: str) -> Object | None:
        """The APIService whose server a path belongs to; None for our own."""
        if self._remotes is None or not path.startswith("/apis/"):
            return None
        parts = path.split("/", 4)
        return self._remotes.service_of(parts[2], parts[3]) if len(parts) > 3 else None

    def _guard(self, caller: Caller, resource: Resource, new: Object, old: Object | None) -> None:
        for guard in self._guards:
            guard.check(caller, resource, new, old)

    def _authorize(self, caller: Caller, info: RequestInfo) -> None:
        self._authorizer.check(caller, attributes(info, {}))

    def _figures(self) -> Iterator[str]:
        yield from self._instruments.lines()
        yield from self._flow.lines()
        yield from self._extension.lines()
        yield from figures(self._store, self._resources.watches)


def _streams(http: web.BaseRequest, info: RequestInfo) -> bool:
    """Whether a request goes on for as long as its client wants, other than as a watch. Those take no seat, so that a
    header alone must not make one of a list or a write."""
    if info.subresource in _LONG_RUNNING:
        return True
    is_connection = http.method == "GET" and info.subresource != ""
    return is_connection and http.headers.get("Upgrade", "").lower() in _STREAMED


def _watches(http: web.BaseRequest, info: RequestInfo) -> bool:
    return info.verb == "list" and parse_bool(http.query.get("watch"))


def _asked(http: web.BaseRequest, info: RequestInfo | None) -> Attributes:
    return path_attributes(http.method, http.path) if info is None else attributes(info, http.query)


def _listen_on_path(path: Path) -> socket.socket:
    """A Unix socket that only its owner can open. A dead one in the way is replaced, a living one is not."""
    found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if path.is_socket():
            _remove_dead(path)
        found.bind(str(path))
        # Before it listens, so that nobody connects while the mode is still wide.
        path.chmod(0o600)
    except OSError as error:
        found.close()
        raise ListenError(f"cannot listen on the socket {path}: {error}") from error
    found.setblocking(False)
    return found


def _remove_dead(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise OSError("another process answers on it; stop that control plane first")


def _listen_on_port(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        found = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ListenError(f"cannot listen on {host}:{port}: {error}") from error
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
    except OSError as error:
        found.close()
        raise ListenError(
            f"cannot listen on {host}:{port}: {error.strerror or error}; stop what uses it or choose another address"
        ) from error
    found.setblocking(False)
    return found
