import { createHash } from "node:crypto";

const digest = (algorithm: string, text: string) =>
  createHash(algorithm).update(text).digest("hex");

const md5 = (text: string) => digest("md5", text);

const content = {
  "usr/bin/whole": "as it came",
  "usr/bin/altered": "with something else",
  "etc/tool.conf": "as somebody wants it",
  "etc/untouched.conf": "default",
  "usr/lib/tool/module.py": "pass",
  "usr/lib/tool/__pycache__/module.cpython-311.pyc": "what Python made of it",
  "usr/lib/tool/__pycache__/nobodys.cpython-311.pyc": "what Python made of something else",
  "boot/copy": "as it came",
  "boot/empty": "",
  "srv/data.bin": "planted",
};

/** A small image of dpkg's: files by path without "/", its database among them. */
export const packaged = {
  files: {
    ...content,
    "var/lib/dpkg/info/tool:amd64.list":
      "/.\n/usr/bin/whole\n/bin/altered\n/etc/tool.conf\n/etc/untouched.conf\n/usr/lib/tool/module.py\n",
    "var/lib/dpkg/info/tool:amd64.md5sums": [
      `${md5(content["usr/bin/whole"])}  usr/bin/whole`,
      // as packages list it that know /bin as a folder of its own
      `${md5("as it was")}  usr/bin/altered`,
      `${md5("pass")}  usr/lib/tool/module.py\n`,
    ].join("\n"),
    "var/lib/dpkg/status": [
      "Package: tool",
      "Status: install ok installed",
      "Conffiles:",
      ` /etc/tool.conf ${md5("default")}`,
      ` /etc/untouched.conf ${md5("default")}`,
      "Description: a tool\n",
    ].join("\n"),
  },
  /** What becomes of those that are not as their package brought them: state and digest. */
  states: Object.fromEntries(
    Object.entries({
      "/usr/bin/altered": "changed",
      "/etc/tool.conf": "configured",
      "/usr/lib/tool/__pycache__/module.cpython-311.pyc": "derived",
      "/usr/lib/tool/__pycache__/nobodys.cpython-311.pyc": "unowned",
      "/boot/copy": "derived",
      "/boot/empty": "unowned",
      "/srv/data.bin": "unowned",
    }).map(([path, state]) => [
      path,
      `${state} ${digest("sha256", content[path.slice(1) as keyof typeof content])}`,
    ]),
  ),
};
