import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();
const memory = config.requireNumber("memoryMiB");
const kvm = config.requireBoolean("kvm");

// What kragle has proven and released: the path stays, the digest tells a new image.
const image = new pulumi.StackReference(config.require("imageStack"));
const imagePath = image.requireOutput("imagePath") as pulumi.Output<string>;
const imageSha256 = image.requireOutput("imageSha256") as pulumi.Output<string>;
// it has QEMU, and is on this machine, since the image was built in it
const qemu = image.requireOutput("builderImageId") as pulumi.Output<string>;

/** A machine is healthy as soon as its guest agent answers: the system has booted then. */
const ASK_AGENT = `
import socket
agent = socket.socket(socket.AF_UNIX)
agent.settimeout(5)
agent.connect("/tmp/agent")
agent.sendall(b'{"execute": "guest-ping"}\\n')
assert b"return" in agent.recv(1000)
`;

const machines: docker.Container[] = [];
for (let index = 0; index < config.requireNumber("machines"); index++) {
  const previous = machines.at(-1);
  const machine = new docker.Container(
    `machine-${index}`,
    {
      image: qemu,
      // another digest, and Pulumi makes another machine
      labels: [{ label: "kragle.image", value: imageSha256 }],
      // what a guest writes is its own, and gone with it; the image stays as it was proven
      volumes: [{ hostPath: imagePath, containerPath: "/image.qcow2", readOnly: true }],
      entrypoints: ["qemu-system-x86_64"],
      command: [
        ...["-accel", kvm ? "kvm" : "tcg", "-cpu", "max", "-m", String(memory), "-display", "none"],
        ...["-drive", "file=/image.qcow2,if=virtio,snapshot=on"],
        ...["-nic", "user,model=virtio"],
        ...[
          "-device",
          "virtio-serial",
          "-chardev",
          "socket,id=agent,path=/tmp/agent,server=on,wait=off",
        ],
        ...["-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0"],
      ],
      ...(kvm ? { devices: [{ hostPath: "/dev/kvm", containerPath: "/dev/kvm" }] } : {}),
      healthcheck: { tests: ["CMD", "python3", "-c", ASK_AGENT], interval: "5s", retries: 120 },
      // the update goes on when the machine is healthy, and fails where it never is
      wait: true,
      waitTimeout: 600,
      mustRun: true,
    },
    // One after another: a machine is replaced when the new one before it is healthy. The provider deletes the old one first, so an
    // image that does not boot costs one machine, and leaves the others running.
    { dependsOn: previous ? [previous] : [] },
  );
  machines.push(machine);
}

export const containers = machines.map(({ name }) => name);
export const runningImage = imageSha256;
