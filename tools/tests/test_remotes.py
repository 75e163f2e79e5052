"""`--remote` on real servers: nginx with its WebDAV module, and moto's S3, which verifies signatures.

Needs the program reprise. Without nginx (Debian: nginx-light), or without boto3 and moto's server (pip: moto[server]),
the tests that use them are skipped. A server that has faults is in `tools/lib/odd_cache_server.py`.
"""

import importlib.util
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

TOOLS = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOOLS / "lib"))
import command  # noqa: E402
import odd_cache_server  # noqa: E402
import small_music  # noqa: E402

PROGRAM = command.built_program()
TRAINER = PROGRAM and shutil.which(f"{PROGRAM}-train")
NGINX = command.server_program("nginx")
TUNES = """\
version: 1
dataset: tunes
sources: [{path: "midi/[0-9]*.mid"}]
midi: {segment: {steps: 256}}
splits: {train: 0.7, validation: 0.15, test: 0.15}
shards: {target_bytes: 4KiB}
"""
LONG = """\
version: 1
dataset: long
sources: [{path: long.wav}]
audio: {sample_rate: 8000, segment: {samples: 8000}, features: {waveform: {}}}
splits: {train: 1, validation: 0, test: 0}
"""
NGINX_CONFIGURATION = """\
daemon off;
master_process off;
{user}
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_max_body_size 0;
    server {{
        listen 127.0.0.1:{port};
        root {folder}/store;
        location / {{
            dav_methods PUT;
            create_full_put_path on;
        }}
    }}
}}
"""


def free_port():
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return made.getsockname()[1]


def wait_for(port, process):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"the server ended with {process.returncode}")
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the server did not start")


@unittest.skipIf(PROGRAM is None, "the program reprise is not built")
class Remotes(unittest.TestCase):
    """Sources, and the snapshot that a build without a remote makes of them."""

    @classmethod
    def setUpClass(cls):
        cls.holder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.holder.cleanup)
        cls.folder = pathlib.Path(cls.holder.name)
        for kind in ("midi", "sound"):
            (cls.folder / kind).mkdir()
        for index in range(60):
            (cls.folder / "midi" / f"{index}.mid").write_bytes(small_music.midi(index))
        for index in range(6):
            samples = [(index * 31 + at * (index + 3)) % 2001 - 1000 for at in range(8000)]
            (cls.folder / "sound" / f"{index}.wav").write_bytes(small_music.wave_file(samples, 8000))
        (cls.folder / "midi" / "broken.mid").write_bytes(b"MT")
        (cls.folder / "numbers.yaml").write_text(small_music.MANIFEST, encoding="utf-8")
        cls.clean = cls.build("clean")
        cls.count = cls.clean["actions"]["run"]

    @classmethod
    def run_program(cls, *words, statuses=(0,), environment=None):
        variables = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "S3_"))}
        done = subprocess.run(
            [PROGRAM, *words], cwd=cls.folder, capture_output=True, text=True, check=False, timeout=600,
            env={**variables, "HOME": str(cls.folder), "no_proxy": "127.0.0.1", **(environment or {})})
        if done.returncode not in statuses:
            raise AssertionError(f"{words}: status {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    @classmethod
    def build(cls, cache, *words, environment=None, manifest="numbers.yaml"):
        """Builds; one source is quarantined, which is part of what is shared."""
        done = cls.run_program(
            "build", manifest, "--cache", cache, "--json", *words, statuses=(0, 3), environment=environment)
        return {**json.loads(done.stdout), "said": done.stderr}

    def new_cache(self):
        return tempfile.mkdtemp(dir=self.folder, prefix="cache-")

    def assert_same(self, built):
        self.assertEqual(built["snapshot"], self.clean["snapshot"])
        self.assertEqual(built["quarantine"], self.clean["quarantine"])

    def assert_sound(self, cache):
        found = json.loads(self.run_program("verify", "--cache", cache, "--json").stdout)
        self.assertEqual(found["findings"], [])

    def shards(self, cache, dataset):
        """The hashes of the shards of a dataset's newest snapshot, by split."""
        name = (pathlib.Path(cache) / "refs" / dataset).read_text().strip()
        snapshot = json.loads((pathlib.Path(cache) / "objects" / name[:2] / name[2:]).read_bytes())
        return {split: {shard["object"] for shard in part["shards"]} for split, part in snapshot["splits"].items()}

    def assert_pushed(self, remote, *words, environment=None):
        """A dataset that was built without the remote is pushed there, and pulled by its name and by its hash."""
        def run(*command):
            done = self.run_program(*command, "--remote", remote, *words, "--json", environment=environment)
            return json.loads(done.stdout)

        pushed = run("push", "numbers", "--cache", "clean")
        self.assertEqual(pushed["snapshot"], self.clean["snapshot"])
        self.assertEqual(pushed["objects"]["skipped"], 0)
        again = run("push", "numbers", "--cache", "clean")
        self.assertEqual((again["objects"]["copied"], again["bytes"]), (0, 0))
        for name in ("numbers", self.clean["snapshot"]):
            cache = self.new_cache()
            pulled = run("pull", name, "--cache", cache)
            self.assertEqual(pulled["objects"], pushed["objects"])
            self.assertEqual((pulled["bytes"], pulled["dataset"]), (pushed["bytes"], "numbers"))
            self.assert_sound(cache)
            self.run_program("stats", "numbers", "--cache", cache)
            self.assertEqual(run("pull", name, "--cache", cache)["objects"]["copied"], 0)
        self.run_program(
            "pull", "others", "--cache", self.new_cache(), "--remote", remote, *words, statuses=(10,),
            environment=environment)

    def assert_shared(self, remote, *words, environment=None):
        """One cache fills a remote, a second one takes everything from it, and neither asks for what it has."""
        first = self.build(self.new_cache(), "--remote", remote, *words, environment=environment)
        self.assert_same(first)
        self.assertEqual(first["actions"], {"run": self.count, "hit": 0})
        self.assertEqual(first["remote"]["kept"], self.count)
        self.assertTrue(first["remote"]["published"])
        self.assertEqual(first["remote"]["failures"], 0, first["said"])
        cache = self.new_cache()
        second = self.build(cache, "--remote", remote, *words, environment=environment)
        self.assert_same(second)
        self.assertEqual(second["actions"], {"run": 0, "hit": self.count})
        self.assertEqual(second["remote"]["found"], self.count)
        self.assertEqual(second["remote"]["sent"], 0)
        self.assertGreater(second["remote"]["received"], 0)
        self.assert_sound(cache)
        third = self.build(cache, "--remote", remote, *words, environment=environment)
        self.assert_same(third)
        self.assertEqual(third["remote"]["requests"], 1)
        return first, second


class Addresses(Remotes):
    def test_what_cannot_be_used_is_refused(self):
        (self.folder / "short").write_bytes(b"x" * 31)
        for words, reason in (
            (("--remote", "folder"), "is no address"),
            (("--remote", "ftp://host/x"), "scheme 'ftp'"),
            (("--remote-key", "short"), "needs --remote"),
            (("--remote", "http://127.0.0.1:1", "--remote-key", "short"), "31 bytes"),
            (("--remote", "http://127.0.0.1:1", "--remote-key", "none"), "cannot read the key"),
        ):
            done = self.run_program("build", "numbers.yaml", "--cache", "refused", *words, statuses=(64,))
            self.assertIn(reason, done.stderr)
        self.assertFalse((self.folder / "refused").exists())


class OddServers(Remotes):
    """Whatever a server does costs time at most."""

    def test_faults(self):
        store = self.folder / "store"
        with odd_cache_server.serving(store) as server:
            self.assert_same(self.build(self.new_cache(), "--remote", server.address))
        records = len(list((store / "ac").iterdir()))
        self.assertEqual(records, self.count + 1, "one for each action, one for the dataset's name")
        for fault in odd_cache_server.FAULTS:
            with self.subTest(fault), tempfile.TemporaryDirectory() as folder:
                copy = pathlib.Path(shutil.copytree(store, pathlib.Path(folder) / "store"))
                with odd_cache_server.serving(copy, fault) as server:
                    cache = self.new_cache()
                    begin = time.monotonic()
                    built = self.build(cache, "--remote", server.address)
                    seconds = time.monotonic() - begin
                    remote = built["remote"]
                    self.assert_same(built)
                    self.assert_sound(cache)
                    self.assertLess(seconds, 90)
                    if fault in ("slow", "no puts"):
                        self.assertEqual(built["actions"]["run"], 0)
                    elif fault == "wrong record":
                        self.assertGreater(remote["rejected"], 0)
                        self.assertEqual(remote["found"], 0)
                    else:
                        self.assertGreater(built["actions"]["run"], 0)
                        self.assertGreater(remote["rejected"] + remote["failures"], 0)
                    if fault in ("huge", "endless"):
                        self.assertLess(remote["received"], 16 << 20)

    def test_pulls_of_wrong_objects_are_refused(self):
        store = self.folder / "pushed"
        with odd_cache_server.serving(store) as server:
            self.run_program("push", "numbers", "--cache", "clean", "--remote", server.address)
            for fault in ("truncated", "short", "wrong", "huge", "endless", "failing", "closed"):
                with self.subTest(fault):
                    server.fault = fault
                    cache = self.new_cache()
                    done = self.run_program(
                        "pull", "numbers", "--cache", cache, "--remote", server.address, statuses=(1, 10))
                    self.assertIn("error: ", done.stderr)
                    self.run_program("stats", "numbers", "--cache", cache, statuses=(10,))
            server.fault = "no puts"
            with tempfile.TemporaryDirectory() as empty:
                server.folder = pathlib.Path(empty).resolve()
                done = self.run_program(
                    "push", "numbers", "--cache", "clean", "--remote", server.address, statuses=(1,))
                self.assertIn("did not take all", done.stderr)

    @unittest.skipIf(TRAINER is None, "the program reprise-train is not built")
    def test_a_training_fetches_the_shards_that_it_reads(self):
        store = self.folder / "trained"
        (self.folder / "tunes.yaml").write_text(TUNES, encoding="utf-8")
        with odd_cache_server.serving(store) as server:
            built = self.build("clean", manifest="tunes.yaml")
            self.run_program("push", "tunes", "--cache", "clean", "--remote", server.address)
            words = ["train", "music-vae", "--max-steps", "2", "--preset", "cpu", "--json"]
            own = json.loads(self.run_program(*words, "--dataset", "tunes", "--cache", "clean").stdout)
            by_split = self.shards(self.folder / "clean", "tunes")
            for name in ("tunes", built["snapshot"]):
                cache = pathlib.Path(self.new_cache())
                run = json.loads(self.run_program(
                    *words, "--dataset", name, "--cache", str(cache), "--remote", server.address).stdout)
                self.assertEqual(run["snapshot"], own["snapshot"])
                self.assertEqual(run["best"], own["best"], "the same training as from a cache of its own")
                copies = {path.parent.name + path.name for path in (cache / "fetched").rglob("*") if path.is_file()}
                self.assertTrue(copies & by_split["train"])
                self.assertFalse(copies & by_split["test"], "nothing of the test split was needed")
                self.assert_sound(str(cache))
                self.run_program("gc", "--grace", "0", "--cache", str(cache))
                self.assert_sound(str(cache))
            # What was fetched is enough to resume without the server; without it a training ends with an error.
            server.fault = "failing"
            self.run_program(
                "train", "--resume", run["run"], "--max-steps", "3", "--cache", str(cache), "--remote", server.address)
            done = self.run_program(
                *words, "--dataset", "tunes", "--cache", self.new_cache(), "--remote", server.address, statuses=(10,))
            self.assertIn("no dataset 'tunes'", done.stderr)

    def test_recomputation_finds_a_record_that_is_wrong(self):
        store = self.folder / "forged"
        with odd_cache_server.serving(store) as server:
            cache = self.new_cache()
            self.build(cache, "--remote", server.address)
            found = json.loads(self.run_program("verify", "--recompute", "100%", "--cache", cache, "--json").stdout)
            self.assertEqual(
                found["recomputed"],
                [{"dataset": "numbers", "checked": self.count, "differences": [], "failure": None}])
            forged = 0
            for path in (store / "ac").iterdir():
                record = json.loads(path.read_bytes())
                if record.get("stage") == "read" and "failure" not in record:
                    record["facts"]["segments"]["empty_steps"] += 1
                    path.write_text(json.dumps(record))
                    forged += 1
            cache = self.new_cache()
            self.assertEqual(self.build(cache, "--remote", server.address)["actions"]["run"], 0)
            self.assert_sound(cache)
            done = self.run_program("verify", "--recompute", "100%", "--cache", cache, "--json", statuses=(12,))
            found = json.loads(done.stdout)["recomputed"][0]
            self.assertEqual(len(found["differences"]), forged)
            self.assertEqual({(item["stage"], *item["parts"]) for item in found["differences"]}, {("read", "facts")})
            some = json.loads(self.run_program(
                "verify", "--recompute", "20%", "--cache", cache, "--json", statuses=(0, 12)).stdout)
            self.assertLess(some["recomputed"][0]["checked"], self.count)
        self.run_program("verify", "--recompute", "0", "--cache", cache, statuses=(64,))

    def test_workers_without_a_shared_folder(self):
        """Each worker has a cache of its own; the plans and the results go through the remote."""
        store = self.folder / "between"
        with odd_cache_server.serving(store) as server:
            words = ("--remote", server.address)
            for phase in ("sources", "statistics", "shards"):
                plan = self.run_program(
                    "plan", "numbers.yaml", "--phase", phase, "--slices", "4", "--cache", self.new_cache(), *words)
                (self.folder / "plan.jsonl").write_text(plan.stdout)
                for number in range(json.loads(plan.stdout.split("\n")[0])["slices"]):
                    self.run_program(
                        "work", "--plan", "plan.jsonl", "--slice", str(number), "--cache", self.new_cache(), *words,
                        statuses=(0, 3))
            built = self.build(self.new_cache(), *words)
            self.assert_same(built)
            self.assertLessEqual(built["actions"]["run"], 1, "workers did all but the snapshot")

    def test_a_remote_that_is_not_there(self):
        built = self.build(self.new_cache(), "--remote", f"http://127.0.0.1:{free_port()}/x")
        self.assert_same(built)
        self.assertFalse(built["remote"]["published"])
        self.assertLess(built["remote"]["requests"], 50)
        self.assertIn("it is not used for 10 s", built["said"])


@unittest.skipIf(NGINX is None, "not installed: nginx (Debian: apt-get install nginx-light)")
class Nginx(Remotes):
    def start(self):
        folder = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        (folder / "store").mkdir()
        port = free_port()
        (folder / "nginx.conf").write_text(
            NGINX_CONFIGURATION.format(folder=folder, port=port, user="user root;" if os.geteuid() == 0 else ""),
            encoding="utf-8")
        process = subprocess.Popen(
            [NGINX, "-c", folder / "nginx.conf", "-e", folder / "error.log"], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        wait_for(port, process)
        return folder, f"http://127.0.0.1:{port}/cache", process

    def test_a_second_cache_computes_nothing(self):
        folder, remote, _ = self.start()
        self.assert_shared(remote)
        self.assertEqual(sorted(path.name for path in (folder / "store/cache").iterdir()), ["ac", "cas"])

    def test_push_and_pull(self):
        _, remote, _ = self.start()
        self.assert_pushed(remote)

    def test_signed_records(self):
        _, remote, _ = self.start()
        (self.folder / "key").write_bytes(os.urandom(32))
        (self.folder / "other").write_bytes(os.urandom(32))
        self.assert_shared(remote, "--remote-key", "key")
        built = self.build(self.new_cache(), "--remote", remote)
        self.assertEqual(built["actions"]["run"], 0, "without a key every record is believed")
        built = self.build(self.new_cache(), "--remote", remote, "--remote-key", "other")
        self.assert_same(built)
        self.assertEqual((built["remote"]["found"], built["actions"]["run"]), (0, self.count))
        self.assertIn("not signed", built["said"])

    def test_stopped_halfway(self):
        folder, remote, process = self.start()
        self.build(self.new_cache(), "--remote", remote)
        lines = len((folder / "access.log").read_bytes().splitlines())
        cache = self.new_cache()
        build = subprocess.Popen(
            [PROGRAM, "build", "numbers.yaml", "--cache", cache, "--remote", remote, "--json", "--jobs", "1"],
            cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, "no_proxy": "127.0.0.1"})
        while len((folder / "access.log").read_bytes().splitlines()) < lines + 20 and build.poll() is None:
            time.sleep(0.001)
        process.kill()
        output = build.communicate(timeout=300)[0]
        built = json.loads(output)
        self.assert_same(built)
        self.assert_sound(cache)


@unittest.skipIf(
    any(importlib.util.find_spec(name) is None for name in ("boto3", "moto", "flask")),
    "not installed: boto3 and moto's server (pip install 'moto[server]')")
class S3(Remotes):
    def start(self):
        """A server with one user and one bucket; gives a client, and the user's variables."""
        import boto3
        import botocore.config

        port = free_port()
        # The first four requests make the user and the bucket; from then on, signatures are verified.
        process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, env={**os.environ, "INITIAL_NO_AUTH_ACTION_COUNT": "4"})
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        wait_for(port, process)
        endpoint = f"http://127.0.0.1:{port}"

        def client(service, key, secret):
            return boto3.client(
                service, endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id=key,
                aws_secret_access_key=secret,
                config=botocore.config.Config(s3={"addressing_style": "path"}, proxies={}))

        identity = client("iam", "first", "first")
        identity.create_user(UserName="lab")
        key = identity.create_access_key(UserName="lab")["AccessKey"]
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
        identity.put_user_policy(UserName="lab", PolicyName="all", PolicyDocument=json.dumps(policy))
        client("s3", "first", "first").create_bucket(Bucket="lab")
        variables = {
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
            "AWS_ENDPOINT_URL_S3": endpoint,
        }
        return client("s3", key["AccessKeyId"], key["SecretAccessKey"]), variables

    def test_a_second_cache_computes_nothing(self):
        _, variables = self.start()
        self.assert_shared("s3://lab/some/prefix", environment=variables)

    def test_push_and_pull(self):
        _, variables = self.start()
        self.assert_pushed("s3://lab/pushed", environment=variables)

    def test_files_instead_of_variables(self):
        _, variables = self.start()
        folder = self.folder / ".aws"
        folder.mkdir()
        self.addCleanup(shutil.rmtree, folder)
        (folder / "credentials").write_text(
            f"[lab]\naws_access_key_id = {variables['AWS_ACCESS_KEY_ID']}\n"
            f"aws_secret_access_key = {variables['AWS_SECRET_ACCESS_KEY']}\n", encoding="utf-8")
        (folder / "config").write_text(
            f"[profile lab]\nendpoint_url = {variables['AWS_ENDPOINT_URL_S3']}\n", encoding="utf-8")
        built = self.build(self.new_cache(), "--remote", "s3://lab", environment={"AWS_PROFILE": "lab"})
        self.assertEqual((built["remote"]["kept"], built["remote"]["failures"]), (self.count, 0), built["said"])

    def test_a_wrong_secret_shares_nothing(self):
        client, variables = self.start()
        built = self.build(
            self.new_cache(), "--remote", "s3://lab",
            environment={**variables, "AWS_SECRET_ACCESS_KEY": "x" * 40})
        self.assert_same(built)
        self.assertEqual((built["remote"]["kept"], built["remote"]["published"]), (0, False))
        self.assertIn("status 403 SignatureDoesNotMatch", built["said"])
        self.assertEqual(client.list_objects_v2(Bucket="lab")["KeyCount"], 0)

    def test_large_objects_are_sent_in_parts(self):
        client, variables = self.start()
        samples = [(at * 7919) % 20_001 - 10_000 for at in range(5_600_000)]
        (self.folder / "long.wav").write_bytes(small_music.wave_file(samples, 8000))
        (self.folder / "long.yaml").write_text(LONG, encoding="utf-8")
        first = self.build(self.new_cache(), "--remote", "s3://lab", manifest="long.yaml", environment=variables)
        self.assertTrue(first["remote"]["published"], first["said"])
        sizes = {item["Key"]: item for item in client.list_objects_v2(Bucket="lab")["Contents"]}
        large = [item for item in sizes.values() if item["Size"] > 16 << 20]
        self.assertGreaterEqual(len(large), 1)
        for item in large:
            self.assertTrue(item["ETag"].endswith('-2"'), item["ETag"])
        second = self.build(self.new_cache(), "--remote", "s3://lab", manifest="long.yaml", environment=variables)
        self.assertEqual((second["actions"]["run"], second["snapshot"]), (0, first["snapshot"]))


if __name__ == "__main__":
    unittest.main()
