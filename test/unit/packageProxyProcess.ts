import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { programsFolder } from "../../host/project";

/** Each line of its stdin is an expression in JSON, whose value it prints in JSON; the proxies of builds have numbers. */
const PROGRAM = `
import json, os, sys
sys.path.insert(0, sys.argv[1])
import package_cache, package_proxy, stage
builds, told = [], []
stage.detail = told.append
package_cache.RESERVE_BYTES = 0

def start(bytes, folder, environment):
    os.environ.update(environment)
    manager = package_proxy.serving(bytes, folder)
    builds.append((manager, manager.__enter__()))
    for name in environment: del os.environ[name]
    proxy = builds[-1][1]
    return [len(builds) - 1, proxy and proxy.server_address[1]]

def end(number):
    del told[:]
    builds[number][0].__exit__(None, None, None)
    return told

def build(number): return builds[number][1]

for line in sys.stdin: print(json.dumps(eval(json.loads(line))), flush=True)
`;

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** A process in which proxies for package managers run. */
export class PackageProxies {
  private readonly process = spawn(
    "python3",
    ["-B", "-c", PROGRAM, join(programsFolder, "common")],
    { env: { PATH: process.env.PATH }, stdio: ["pipe", "pipe", "inherit"] },
  );
  private readonly lines = createInterface(this.process.stdout)[Symbol.asyncIterator]();

  async evaluate(expression: string): Promise<unknown> {
    this.process.stdin.write(`${JSON.stringify(expression)}\n`);
    return JSON.parse((await this.lines.next()).value as string);
  }

  /** Starts that of one build. */
  async build(
    folder: string,
    bytes: number,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<PackageProxy> {
    const words = [bytes, folder, environment].map((word) => JSON.stringify(word));
    const [number, port] = (await this.evaluate(`start(${words.join(", ")})`)) as number[];
    return new PackageProxy(this, number!, port!);
  }

  async kill(): Promise<void> {
    this.process.kill("SIGKILL");
    await once(this.process, "close");
  }
}

export class PackageProxy {
  constructor(
    private readonly process: PackageProxies,
    private readonly number: number,
    /** Null where it found no place for a cache. */
    readonly port: number | null,
  ) {}

  /** @param expression of what the proxy has, as `given` */
  evaluate(expression: string): Promise<unknown> {
    return this.process.evaluate(`build(${this.number}).${expression}`);
  }

  /** @returns what it told in the end */
  end(): Promise<unknown> {
    return this.process.evaluate(`end(${this.number})`);
  }

  /** Asks it for an address, as a package manager does; rejects where the answer is cut. */
  get(path: string, headers: OutgoingHttpHeaders = {}, method = "GET"): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const asked = request(
        { host: "127.0.0.1", port: this.port, path, headers, method, agent: false },
        (response) => {
          const pieces: Buffer[] = [];
          response.on("data", (piece: Buffer) => pieces.push(piece));
          response.on("error", reject);
          response.on("end", () =>
            resolve({ status: response.statusCode!, body: Buffer.concat(pieces).toString() }),
          );
        },
      );
      asked.on("error", reject).end();
    });
  }
}

/** A mirror that counts what it is asked for; its files by their path, or what answers for one. */
export class Mirror {
  readonly asked: string[] = [];
  readonly hosts: (string | undefined)[] = [];
  readonly files: Record<string, string | ((q: IncomingMessage, r: ServerResponse) => void)> = {};
  private readonly server = createServer((question, answer) => {
    const path = question.url!.replace(/^http:\/\/[^/]+/, "");
    this.asked.push(path);
    this.hosts.push(question.headers.host);
    const file = this.files[path];
    if (typeof file === "function") file(question, answer);
    else if (file === undefined) answer.writeHead(404).end("not found");
    else answer.writeHead(200, { "content-length": Buffer.byteLength(file) }).end(file);
  });

  async start(): Promise<void> {
    await once(this.server.listen(0, "127.0.0.1"), "listening");
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  at(path: string, host = "127.0.0.1"): string {
    return `http://${host}:${this.port}${path}`;
  }
}
