import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What a daemon says of itself, as the real ones do; read off Docker 20.10 and Podman 4.3. */
export const DAEMONS = {
  docker: {
    version: { Version: "20.10.24", Components: [{ Name: "Engine" }, { Name: "containerd" }] },
    info: {
      Driver: "overlay2",
      DockerRootDir: "/",
      SecurityOptions: ["name=seccomp,profile=default"],
    },
  },
  podman: {
    version: { Version: "4.3.1", Components: [{ Name: "Podman Engine" }, { Name: "Conmon" }] },
    info: { Driver: "overlay", SecurityOptions: ["name=apparmor", "name=seccomp,profile=default"] },
  },
  rootless: {
    version: { Version: "27.1.1", Components: [{ Name: "Engine" }] },
    info: {
      Driver: "overlay2",
      SecurityOptions: ["name=seccomp,profile=builtin", "name=rootless"],
    },
  },
  remapped: {
    version: { Version: "27.1.1", Components: [{ Name: "Engine" }] },
    info: { Driver: "overlay2", SecurityOptions: ["name=seccomp,profile=builtin", "name=userns"] },
  },
  // a web server that answers everything
  other: { version: {}, info: {} },
} as const;

export type DaemonKind = keyof typeof DAEMONS;

/** As much of a container engine's interface as is asked before anything is built; it has no image. */
export class FakeDaemon {
  private readonly folder = mkdtempSync(join(tmpdir(), "kragle-daemon-"));
  readonly socket = join(this.folder, "docker.sock");
  readonly address = `unix://${this.socket}`;
  /** What was asked, method and path. */
  readonly asked: string[] = [];
  private readonly server = createServer((request, response) => {
    const path = (request.url ?? "").replace(/^\/v[\d.]+/, "").split("?")[0]!;
    this.asked.push(`${request.method} ${path}`);
    const { version, info } = DAEMONS[this.kind];
    if (path === "/_ping") return void response.end("OK");
    if (path === "/version") return answer(response, 200, version);
    if (path === "/info") return answer(response, 200, info);
    if (!this.more(path, response)) answer(response, 404, { message: "No such image" });
  });

  /** @param more answers what this does not know; returns whether it did */
  constructor(
    private readonly kind: DaemonKind,
    private readonly more: (path: string, response: ServerResponse) => boolean = () => false,
  ) {}

  async open(): Promise<this> {
    // a real daemon keeps idle connections too; on a slow machine five seconds pass between two questions
    this.server.keepAliveTimeout = 0;
    await once(this.server.listen(this.socket), "listening");
    return this;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, "close");
    rmSync(this.folder, { recursive: true });
  }
}

export function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}
