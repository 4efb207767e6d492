import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";

/** An HTTP proxy of this machine that notes what it is asked for. */
export class CountingProxy {
  readonly asked: string[] = [];
  private readonly server = createServer((question, answer) => {
    this.asked.push(question.url!);
    const { method, headers } = question;
    const onward = request(question.url!, { method, headers }, (response) => {
      answer.writeHead(response.statusCode!, response.headers);
      response.pipe(answer);
    });
    onward.on("error", () => answer.writeHead(502).end());
    question.pipe(onward);
  });

  /** @returns its port, on every address */
  async start(): Promise<number> {
    await once(this.server.listen(0, "0.0.0.0"), "listening");
    return (this.server.address() as AddressInfo).port;
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}
