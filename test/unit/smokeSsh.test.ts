import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { Duplex, PassThrough } from "node:stream";
import { buffer } from "node:stream/consumers";

import { Server, utils } from "ssh2";

import { newSshKeyPair } from "../../host/sshKeyPair";
import { SshChannel } from "../../stages/smoke/sshChannel";

const { signal } = new AbortController();

/** What a session of the server does with a command. */
type Run = (command: string) => { out?: string; error?: string; code?: number; echo?: boolean };

describe("SSH to a guest", () => {
  const keys = newSshKeyPair("kragle-test");
  const hostKey = newSshKeyPair("kragle-test").private;
  const open: { close(): void }[] = [];
  afterEach(() => open.splice(0).forEach((each) => each.close()));

  /** A server that lets root in with the key; without `code` a command never ends. */
  async function serve(run: Run) {
    const known = utils.parseKey(keys.public);
    assert.ok(!(known instanceof Error));
    const server = new Server({ hostKeys: [hostKey] }, (client) => {
      open.push({ close: () => client.end() });
      client.on("error", () => undefined);
      client.on("authentication", (attempt) => {
        const right =
          attempt.method === "publickey" &&
          attempt.username === "root" &&
          attempt.key.data.equals(known.getPublicSSH());
        if (right) attempt.accept();
        else attempt.reject(["publickey"]);
      });
      client.on("session", (accept) =>
        accept().on("exec", (acceptExec, _reject, { command }) => {
          const session = acceptExec();
          const { out = "", error = "", code, echo } = run(command);
          if (echo) {
            void buffer(session).then((input) => {
              session.write(input.toString("base64"));
              session.exit(0);
              session.end();
            });
            return;
          }
          session.write(out);
          session.stderr.write(error);
          if (code === undefined) return;
          session.exit(code);
          session.end();
        }),
      );
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    open.push(server);
    return () => dial((server.address() as AddressInfo).port);
  }

  const dial = async (port: number): Promise<Duplex> => {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    return socket;
  };
  const channelTo = (dialer: () => Promise<Duplex>, key = keys.private) => {
    const channel = new SshChannel(dialer, key);
    open.push(channel);
    return channel;
  };

  it("runs programs with their arguments as they are, one after another", async () => {
    const commands: string[] = [];
    const channel = channelTo(
      await serve((command) => {
        commands.push(command);
        return { out: "running\n", error: "words\n", code: commands.length };
      }),
    );
    await channel.reach();
    assert.deepEqual(await channel.execute(["systemctl", "is-system-running"], signal), {
      ...{ exitCode: 1, stdout: "running\n", stderr: "words\n" },
    });
    const { exitCode } = await channel.execute(["sh", "-c", "echo 'a b'; $HOME"], signal);
    assert.equal(exitCode, 2);
    assert.deepEqual(commands, [
      "'systemctl' 'is-system-running'",
      `'sh' '-c' 'echo '\\''a b'\\''; $HOME'`,
    ]);
  });

  it("brings programs what they are to read", async () => {
    const channel = channelTo(await serve(() => ({ echo: true })));
    await channel.reach();
    const input = Buffer.from([0, 255, 10, 13, 128]);
    const { stdout } = await channel.execute(["base64"], signal, input);
    assert.equal(stdout, input.toString("base64"));
    assert.equal((await channel.execute(["base64"], signal)).stdout, "");
  });

  it("draws no pair that one end cannot read", () => {
    // One in 256 would be malformed: 2,000 without one are no luck.
    for (let drawn = 0; drawn < 2000; drawn++) {
      const pair = newSshKeyPair("kragle-test");
      for (const half of [pair.private, pair.public])
        assert.ok(!(utils.parseKey(half) instanceof Error), half);
    }
  });

  it("says that a key is not accepted", async () => {
    const channel = channelTo(await serve(() => ({})), newSshKeyPair("kragle-test").private);
    await assert.rejects(channel.reach(), /authentication methods failed/);
  });

  it("says that nobody listens", async () => {
    const silent = () =>
      Promise.resolve(
        Duplex.from({ readable: new PassThrough().end(), writable: new PassThrough() }),
      );
    await assert.rejects(channelTo(silent).reach(), /nobody listens on the guest's SSH port/);
  });

  it("says that the other end is no SSH server", async () => {
    const server = createServer((socket) => socket.end("220 mail\r\n")).listen(0, "127.0.0.1");
    await once(server, "listening");
    open.push(server);
    const { port } = server.address() as AddressInfo;
    await assert.rejects(channelTo(() => dial(port)).reach());
  });

  it("notices that the connection ends while a program runs", async () => {
    const channel = channelTo(
      await serve(() => {
        setTimeout(() => open.forEach((each) => each.close()), 20);
        return { out: "begun" };
      }),
    );
    await channel.reach();
    await assert.rejects(
      channel.execute(["sleep", "9"], signal),
      /the SSH connection ended during sleep 9/,
    );
  });

  it("gives a program up when the boot has failed", async () => {
    const channel = channelTo(await serve(() => ({})));
    await channel.reach();
    const stop = new AbortController();
    const answer = channel.execute(["sleep", "9"], stop.signal);
    stop.abort();
    await assert.rejects(answer, /given up/);
  });
});
