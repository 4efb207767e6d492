import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import type { Task } from "../../executors/executor";
import { raiseFirewall } from "../../executors/firewall";
import { handToContainer } from "../../executors/handOver";
import type { StageFailure } from "../../host/failure";
import { bridgeGateway, openPort } from "../openPort";
import { docker, executor } from "../site";
import { programs } from "./programs";
import { toolsImage } from "./toolsImage";

const run = promisify(execFile);

/** What answers a connection: `open` where somebody accepts it, else why not, within two seconds. */
const CONNECT = `
import socket, sys
def connect(address):
    host, port = address.rsplit(":", 1)
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=2): return "open"
    except OSError as error: return type(error).__name__
`;

/** A build's container: listens as a QEMU does that shows its screen and forwards SSH to everybody, and tries what a guest could. */
const INSIDE = `
import json, os, socket, sys, threading, time
${CONNECT}
job = json.load(open(os.environ["KRAGLE_SETTINGS"]))
for port in job["listen"]:
    server = socket.create_server(("0.0.0.0", port))
    threading.Thread(target=lambda s=server: [s.accept() for _ in iter(int, 1)], daemon=True).start()
own = socket.gethostbyname(socket.gethostname())
print("own", own, flush=True)
for name, address in job["try"].items():
    print("tried", name, connect(address.replace("OWN", own)), flush=True)
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    try: print("tried udp", s.sendto(b"x", (job["host"], 5353)) and "open", flush=True)
    except OSError as error: print("tried udp", type(error).__name__, flush=True)
print("ready", flush=True)
time.sleep(job["seconds"])
`;

describe("the network of a build's container", function () {
  this.timeout(120_000);
  let image: string;
  let folder: string;
  let host: Awaited<ReturnType<typeof openPort>>;
  let gateway: string;

  before(async function () {
    image = await toolsImage(this);
    gateway = await bridgeGateway();
    host = await openPort();
  });
  after(() => host?.close());
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "kragle-isolation-"));
    mkdirSync(join(folder, "result"));
    writeFileSync(join(folder, "result/inside.py"), INSIDE);
    await handToContainer(join(folder, "result"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  interface Attempt {
    readonly tries?: Readonly<Record<string, string>>;
    readonly listen?: readonly number[];
    /** What others do while it runs; they are told its address. */
    readonly meanwhile?: (address: string) => Promise<void>;
  }

  /** Runs one. @returns what became of each try */
  async function build(
    { tries = {}, listen = [], meanwhile }: Attempt,
    task: Partial<Task> = {},
  ): Promise<Record<string, string>> {
    const lines: string[] = [];
    let others: Promise<void> | undefined;
    const end = new AbortController();
    const ended = executor.run({
      storeId: "isolation",
      key: `${process.pid}-${Math.random()}`,
      image,
      run: ["python3", "/result/inside.py"],
      settings: { try: tries, listen, seconds: meanwhile ? 60 : 0, host: gateway },
      programs: programs(),
      outputs: [{ at: "/result", path: join(folder, "result") }],
      user: "builder",
      network: "outside",
      log: join(folder, "log"),
      onLine: (line) => {
        lines.push(line);
        const own = lines.find((one) => one.startsWith("own "))?.slice(4);
        if (line === "ready" && meanwhile) others ??= meanwhile(own!).finally(() => end.abort());
        others?.catch(() => undefined); // awaited below
      },
      signal: end.signal,
      deadlineSeconds: 90,
      ...task,
    });
    await ended.catch((error: Error) => {
      if (!end.signal.aborted) throw error;
    });
    await others;
    const tried = lines.filter((line) => line.startsWith("tried "));
    return Object.fromEntries(tried.map((line) => line.split(" ").slice(1) as [string, string]));
  }

  /** Connects from a container of somebody else, on the same network. */
  async function fromAnotherContainer(address: string): Promise<string> {
    const { stdout } = await run("docker", [
      ...["run", "--rm", "--entrypoint", "python3", image, "-c"],
      `${CONNECT}\nprint(connect("${address}"))`,
    ]);
    return stdout.trim();
  }

  /** Connects as a user of this machine without any rights or groups. */
  async function fromAnotherUser(address: string): Promise<string> {
    const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    const program = `exec 3<>/dev/tcp/${address.replace(":", "/")}`;
    const command = ["/usr/bin/timeout", "2", "/bin/bash", "-c", program];
    const [first, ...rest] = [...(process.getuid!() === 0 ? nobody : []), ...command];
    return run(first!, rest).then(
      () => "open",
      ({ code }: { code?: number }) => (code === 124 ? "TimeoutError" : `exit code ${code}`),
    );
  }

  it("is shut for a guest: this machine, other containers, links, metadata, the container's own loopback", async () => {
    const own = Object.values((await import("node:os")).networkInterfaces())
      .flatMap((all) => all ?? [])
      .filter(({ internal, family }) => !internal && family === "IPv4");
    const found = await build({
      listen: [7777, 5901],
      tries: {
        gateway: `${gateway}:${host.port}`,
        ...Object.fromEntries(own.map((one, n) => [`host${n}`, `${one.address}:${host.port}`])),
        neighbour: `${gateway.replace(/\.\d+$/, ".250")}:22`,
        metadata: "169.254.169.254:80",
        azure: "168.63.129.16:80",
        loopback: "127.0.0.1:7777",
        itself: "OWN:7777",
        loopback6: "[::1]:7777",
      },
    });
    for (const [name, outcome] of Object.entries(found)) {
      // refused at once: nothing was sent
      assert.match(outcome, /^(OSError|PermissionError|ConnectionRefusedError)$/, name);
    }
    assert.ok(Object.keys(found).length >= 9, JSON.stringify(found));
  });

  it("is open to what the setting allows, at that port only, and to Packer's own ports", async () => {
    const other = await openPort();
    const tries = {
      allowed: `${gateway}:${host.port}`,
      another: `${gateway}:${other.port}`,
      ssh: "127.0.0.1:2222",
    };
    const found = await build({ listen: [2222], tries }, { allow: [`${gateway}:${host.port}`] });
    other.close();
    assert.deepEqual([found.allowed, found.ssh], ["open", "open"]);
    assert.notEqual(found.another, "open");
  });

  it("is shut for whoever asks the proxy of packages, which opens no way", async () => {
    const asked = `http://${gateway}:${host.port}/a.deb`;
    const lines: string[] = [];
    const program = `
import sys, urllib.request
sys.path.insert(0, "/usr/local/lib/kragle")
import package_proxy
with package_proxy.serving(2**20, "/result") as proxy:
    through = urllib.request.ProxyHandler({"http": proxy.address("127.0.0.1")})
    for address in sys.argv[1:]:
        try: print("got", urllib.request.build_opener(through).open(address, timeout=20).status, flush=True)
        except OSError as error: print("got", error, flush=True)
`;
    await build(
      {},
      {
        run: ["python3", "-c", program, asked, "http://169.254.169.254/a.deb"],
        onLine: (line) => lines.push(line),
      },
    );
    const answers = lines.filter((line) => line.startsWith("got "));
    assert.equal(answers.length, 2, lines.join("\n"));
    for (const answer of answers) assert.match(answer, /HTTP Error 504: cannot reach/);
  });

  it("is open to the proxies that this machine is configured with", async () => {
    const before = process.env.http_proxy;
    process.env.http_proxy = `http://u:p@${gateway}:${host.port}`;
    try {
      const found = await build({ tries: { proxy: `${gateway}:${host.port}` } });
      assert.equal(found.proxy, "open");
    } finally {
      if (before === undefined) delete process.env.http_proxy;
      else process.env.http_proxy = before;
    }
  });

  it("is not shut at all where any is allowed", async () => {
    const tries = { gateway: `${gateway}:${host.port}`, itself: "OWN:7777" };
    const found = await build({ listen: [7777], tries }, { allow: ["any"] });
    assert.deepEqual([found.gateway, found.itself], ["open", "open"]);
  });

  it("lets nobody in: neither another container, another user of this machine, nor another build's guest", async () => {
    await build({
      listen: [5900, 2222],
      meanwhile: async (address) => {
        for (const port of [5900, 2222]) {
          const at = `${address}:${port}`;
          assert.equal(await fromAnotherContainer(at), "TimeoutError", at);
          assert.equal(await fromAnotherUser(at), "TimeoutError", at);
          const other = await build({ tries: { guest: at } });
          assert.match(other.guest!, /^(OSError|PermissionError|ConnectionRefusedError)$/, at);
        }
      },
    });
  });

  it("shows a screen that was asked for on 127.0.0.1 of this machine, and to no other container", async () => {
    const port = 21_000 + (process.pid % 20_000);
    await build(
      {
        listen: [5900],
        meanwhile: async (address) => {
          assert.equal(await fromAnotherUser(`127.0.0.1:${port}`), "open");
          assert.equal(await fromAnotherContainer(`${address}:5900`), "TimeoutError");
          assert.notEqual(await fromAnotherContainer(`${gateway}:${port}`), "open");
        },
      },
      { publishScreen: port },
    );
  });

  it("cannot be opened from inside", async () => {
    const said: string[] = [];
    await build(
      {},
      { run: ["nft", "flush", "ruleset"], user: "root", onLine: (line) => said.push(line) },
    );
    assert.match(said.join("\n"), /Operation not permitted/);
  });

  it("is not used where it cannot be shut, and that is told", async () => {
    const container = await docker.createContainer({
      Image: image,
      Entrypoint: ["sleep", "60"],
      HostConfig: { AutoRemove: true },
    });
    await container.start();
    try {
      const rules = "no rules of nftables";
      await assert.rejects(
        raiseFirewall(docker, container, { image, labels: {}, rules }),
        (error: StageFailure) =>
          /could not be closed against this machine.*no rules/.test(error.message) &&
          /network: \{allow: \[any\]\}/.test(error.details.hint!) &&
          error.details.exitCode === 3,
      );
    } finally {
      await container.remove({ force: true });
    }
  });
});
