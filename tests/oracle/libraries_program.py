# SPDX-License-Identifier: MIT
"""Imports the popular libraries that are installed, uses each without any network for a while, writes down what the
process says of its own heap, and waits. Addresses on a line of standard input it looks at itself.

    python libraries_program.py RECORD SECONDS [NAME ...]"""
import asyncio
import concurrent.futures
import ctypes
import gc
import io
import json
import mmap
import os
import sys
import time
import types

from whole_heap import in_child_and_stop

KEPT = {}
READY = []  # what is said when the record is written


def use_httpx(httpx, turn):
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json={"turn": turn, "rows": list(range(9))}))
    with httpx.Client(transport=transport) as client:
        KEPT.setdefault("httpx", []).append(client.get("http://host/%d" % turn).json())


def use_boto3(boto3, turn):
    if "boto3" not in KEPT:
        os.environ.update(AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="y", AWS_EC2_METADATA_DISABLED="true")
        KEPT["boto3"] = boto3.session.Session(region_name="eu-west-1").client("s3")
    KEPT["boto3"].generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k%d" % turn})


def use_sqlalchemy(sqlalchemy, turn):
    from sqlalchemy import orm
    if "sqlalchemy" not in KEPT:
        base = orm.declarative_base()

        class User(base):
            __tablename__ = "user"
            id = sqlalchemy.Column(sqlalchemy.Integer, primary_key=True)
            name = sqlalchemy.Column(sqlalchemy.String(40))
        engine = sqlalchemy.create_engine("sqlite://")
        base.metadata.create_all(engine)
        KEPT["sqlalchemy"] = engine, User, orm.Session(engine)
    _, user, session = KEPT["sqlalchemy"]
    session.add(user(name="name %d" % turn))
    session.commit()
    KEPT["users"] = session.query(user).order_by(user.id).limit(50).all()


def use_django(django, turn):
    from django.conf import settings
    if not settings.configured:
        settings.configure(DEBUG=True, SECRET_KEY="k", ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], DATABASES={
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
            INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"])
        django.setup()
        from django.core.management import call_command
        call_command("migrate", verbosity=0)
    from django.contrib.auth.models import User
    from django.test import Client
    User.objects.create(username="user %d" % turn)
    KEPT["django"] = list(User.objects.all()[:40]), Client().get("/")


urlpatterns = []  # Django's


def use_celery(celery, turn):
    if "celery" not in KEPT:
        app = celery.Celery("app", broker="memory://", backend="cache+memory://")
        app.conf.task_always_eager = True

        def add(left, right):
            return left + right
        KEPT["celery"] = app, app.task(name="add")(add)
    KEPT["celery result"] = KEPT["celery"][1].delay(turn, 1).get()


def use_gevent(gevent, turn):
    def job(number):
        gevent.sleep(0)
        return [number] * 10
    jobs = [gevent.spawn(job, number) for number in range(20)]
    gevent.joinall(jobs)
    KEPT["gevent"] = jobs
    KEPT.setdefault("greenlets", []).append(gevent.spawn_later(10000, job, turn))
    gevent.sleep(0)


def use_pandas(pandas, turn):
    frame = pandas.DataFrame({"key": ["a", "b", "c"] * 100, "value": range(300), "when": pandas.Timestamp(turn)})
    KEPT["pandas"] = frame, frame.groupby("key")["value"].agg(["sum", "mean"]), frame.astype({"key": "category"})


def use_pyarrow(pyarrow, turn):
    import pyarrow.compute
    table = pyarrow.table({"a": list(range(1000)), "b": ["text %d" % i for i in range(1000)]})
    KEPT["pyarrow"] = table, pyarrow.compute.sum(table["a"]), table.to_batches(), table["b"].dictionary_encode()


def use_torch(torch, turn):
    layer = torch.nn.Linear(20, 20)
    loss = layer(torch.ones(5, 20)).sum()
    loss.backward()
    KEPT["torch"] = layer, loss, torch.optim.Adam(layer.parameters())


def use_lxml(lxml, turn):
    from lxml import etree
    root = etree.fromstring("<a>%s</a>" % "".join("<b i='%d'>t</b>" % i for i in range(100)))
    KEPT["lxml"] = root, root.xpath("//b[@i='7']"), etree.tostring(root)


def use_pydantic(pydantic, turn):
    if "pydantic" not in KEPT:
        class Inner(pydantic.BaseModel):
            name: str
            tags: list = []

        class Outer(pydantic.BaseModel):
            inner: Inner
            by_name: dict = {}
        KEPT["pydantic"] = Outer, Inner
    outer, inner = KEPT["pydantic"]
    KEPT["models"] = [outer(inner=inner(name="n%d" % i, tags=[i])) for i in range(50)]
    try:
        outer(inner=3)
    except pydantic.ValidationError as error:
        KEPT["error"] = error


def use_cryptography(cryptography, turn):
    from cryptography.fernet import Fernet
    from cryptography.hazmat.primitives.asymmetric import ec
    fernet = Fernet(Fernet.generate_key())
    KEPT["cryptography"] = fernet, fernet.encrypt(b"x" * 100), ec.generate_private_key(ec.SECP256R1())


def use_grpc(grpc, turn):
    if "grpc" not in KEPT:
        server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=2))
        handler = grpc.method_handlers_generic_handler("s", {"m": grpc.unary_unary_rpc_method_handler(
            lambda request, context: request + b"!")})
        server.add_generic_rpc_handlers((handler,))
        port = server.add_insecure_port("localhost:0")
        server.start()
        KEPT["grpc"] = server, grpc.insecure_channel("localhost:%d" % port)
    KEPT["reply"] = KEPT["grpc"][1].unary_unary("/s/m")(b"%d" % turn, timeout=20)


def use_PIL(PIL, turn):
    from PIL import Image, ImageDraw
    image = Image.new("RGB", (200, 100))
    ImageDraw.Draw(image).line((0, 0, 100, 100), fill=128)
    file = io.BytesIO()
    image.resize((50, 50)).save(file, "PNG")
    KEPT["pillow"] = image, file, Image.open(file)


def use_sklearn(sklearn, turn):
    from sklearn import ensemble, linear_model
    rows, classes = [[i % 7, i % 3] for i in range(100)], [i % 2 for i in range(100)]
    KEPT["sklearn"] = (linear_model.LogisticRegression().fit(rows, classes),
                       ensemble.RandomForestClassifier(n_estimators=5).fit(rows, classes))


def use_spacy(spacy, turn):
    if "spacy" not in KEPT:
        KEPT["spacy"] = spacy.blank("en")
        KEPT["spacy"].add_pipe("sentencizer")
    KEPT["doc"] = KEPT["spacy"]("A sentence with number %d. And another one, of course." % turn)


def use_aiohttp(aiohttp, turn):
    from aiohttp import web

    async def once():
        app = web.Application()

        async def hello(request):
            return web.json_response({"turn": turn})
        app.router.add_get("/", hello)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]
        async with aiohttp.ClientSession() as session, session.get("http://%s:%d/" % ("localhost", port)) as response:
            KEPT["aiohttp"] = await response.json()
        await runner.cleanup()
        KEPT["aiohttp app"] = app
    asyncio.run(once())


def use_redis(redis, turn):
    client = redis.Redis(port=1, retry=redis.retry.Retry(redis.backoff.NoBackoff(), 0))
    try:
        client.get("key %d" % turn)
    except redis.ConnectionError as error:
        KEPT["redis"] = client, error, client.pipeline().set("a", 1)


def use_google_protobuf(protobuf, turn):
    from google.protobuf import descriptor_pb2, struct_pb2, timestamp_pb2
    message = struct_pb2.Struct()
    message.update({"a": turn, "b": [1, 2, {"c": "text"}]})
    KEPT["protobuf"] = message, message.SerializeToString(), timestamp_pb2.Timestamp(seconds=turn), \
        descriptor_pb2.FileDescriptorProto(name="x.proto")


def use_polars(polars, turn):
    frame = polars.DataFrame({"a": list(range(300)), "b": ["x", "y", "z"] * 100})
    KEPT["polars"] = frame, frame.group_by("b").agg(polars.col("a").sum()), frame.lazy().filter(polars.col("a") > 3)


def use_numpy(numpy, turn):
    KEPT["numpy"] = numpy.arange(1000).reshape(10, 100), numpy.array([{}, turn], dtype=object), numpy.float64(turn)


def libraries():
    return {name[len("use_"):].replace("google_protobuf", "google.protobuf"): use
            for name, use in globals().items() if name.startswith("use_") and name != "use_all"}


def use_all(names, seconds):
    used, missing = {}, {}
    chosen = {name: use for name, use in libraries().items() if not names or name in names}
    modules = {}
    for name in chosen:
        try:
            __import__(name)
            modules[name] = sys.modules[name]
        except ImportError as error:
            missing[name] = str(error)
    end, turn = time.monotonic() + seconds, 0
    while turn == 0 or time.monotonic() < end:
        for name, module in modules.items():
            try:
                chosen[name](module, turn)
                used[name] = used.get(name, 0) + 1
            except Exception as error:  # a library that does not work here is said, and the others are used
                missing[name] = "%s: %s" % (type(error).__name__, error)
        turn += 1
    return used, missing


def size_of(one):
    """-1 for a class whose __sizeof__ is Python: it may change the object, and nobody else knows its answer; and for
    BytesIO, which asks how many hold its buffer, as the list of all objects does here. (isinstance() would ask a proxy
    for what it stands for, and Django's look that up then.)"""
    method = getattr(type(one), "__sizeof__", None)
    return -1 if isinstance(method, types.FunctionType) or issubclass(type(one), io.BytesIO) else sys.getsizeof(one)


def write_record(path, objects):
    with open(path, "w", encoding="utf-8") as file:
        for found in objects:
            file.write("%x %d\n" % (id(found), size_of(found)))
        file.write("end %d\n" % len(objects))
    os.write(1, READY[0])


def look(address):
    """What the interpreter itself makes of an object; a fault of memory here is the answer too."""
    one = ctypes.cast(address, ctypes.py_object).value
    return "%s %d" % (type(one).__name__, sys.getsizeof(one))


def answer(fork, _):
    """A line of addresses, answered a line each, "? STATUS" for what kills whoever looks. fork is the bare one: what
    libraries do in children is nothing to wait for."""
    asked = [int(word, 16) for word in sys.stdin.readline().split()]
    progress = mmap.mmap(-1, 8)
    while True:
        pid = fork()
        if pid == 0:
            for index in range(int.from_bytes(progress[:], "little"), len(asked)):
                progress[:] = (index + 1).to_bytes(8, "little")
                os.write(1, look(asked[index]).encode() + b"\n")
            os._exit(0)
        status = os.waitpid(pid, 0)[1]
        if status == 0:
            return
        os.write(1, b"? %d\n" % status)


def main():
    record, seconds, names = sys.argv[1], float(sys.argv[2]), sys.argv[3:]
    used, missing = use_all(names, seconds)
    READY.append(b"READY " + json.dumps({"used": used, "missing": missing}).encode() + b"\n")
    in_child_and_stop(write_record, record, answer)


if __name__ == "__main__":
    main()
