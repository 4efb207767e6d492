import assert from "node:assert/strict";

import { RULES } from "../../rules/catalogue";
import { entries } from "../../rules/facts";
import { judge, neededContents } from "../../rules/judge";
import { FAULTS, type Plant } from "../unit/checkFaults";
import { SampleImage } from "../unit/checkSamples";
import { inspectTinyDisk } from "./tinyDisk";
import { toolsImage } from "./toolsImage";

/** What a tiny disk has in another way than the sample, or cannot lack: boot code, the ESP's files, the mark of a root. */
const ELSEWHERE = /^\/boot\/efi\//;
const NOT_ON_DISK = ["boot.bios", "boot.uefi", "payload.os-release"];

/** An image that remembers what was done to it. */
class RecordingImage extends SampleImage {
  readonly touched = new Set<string>();

  override file(path: string, text: string): this {
    this.touched?.add(path);
    return super.file(path, text);
  }

  override link(path: string, target: string): this {
    this.touched?.add(path);
    return super.link(path, target);
  }

  override remove(path: string): this {
    this.touched.add(path);
    return super.remove(path);
  }
}

/** The files that a fault concerns; none where it is about the disk itself. */
function touchedBy(plant: Plant): string[] {
  const image = new RecordingImage();
  plant(image);
  return [...image.touched].filter((path) => !ELSEWHERE.test(path));
}

/** The first fault of each rule that is one of files, spread over as few disks as keep them apart. */
function groups(): Map<string, Plant>[] {
  const disks: { plants: Map<string, Plant>; touched: Set<string> }[] = [];
  for (const [id, plants] of Object.entries(FAULTS)) {
    const plant = plants.find((p) => touchedBy(p).length > 0);
    if (!plant || NOT_ON_DISK.includes(id)) continue;
    const paths = touchedBy(plant);
    const free = disks.find(({ touched }) => !paths.some((path) => touched.has(path)));
    const disk = free ?? { plants: new Map<string, Plant>(), touched: new Set<string>() };
    if (!free) disks.push(disk);
    disk.plants.set(id, plant);
    paths.forEach((path) => disk.touched.add(path));
  }
  return disks.map(({ plants }) => plants);
}

describe("the catalogue, on real disks", function () {
  this.timeout(200_000);
  let tools: string;
  before(async function () {
    tools = await toolsImage(this);
  });

  /** Lays an image's files onto a disk, has that inspected, and judges what was found. */
  async function judged(image: SampleImage) {
    if (image.facts.contents["/etc/fstab"] === new SampleImage().facts.contents["/etc/fstab"]) {
      // the disk's own file systems
      image.file("/etc/fstab", "LABEL=root / ext4 x 0 1\nUUID=1234-ABCD /boot/efi vfat x 0 0\n");
    }
    const ofType = (type: string) =>
      entries(image.facts).filter((e) => e.type === type && !ELSEWHERE.test(e.path));
    const withContent = (type: string) =>
      Object.fromEntries(ofType(type).map(({ path }) => [path, image.facts.contents[path]!]));
    const facts = await inspectTinyDisk({
      image: tools,
      fault: "none",
      files: {
        ...withContent("file"),
        // a folder is there when something is in it
        ...Object.fromEntries(ofType("folder").map(({ path }) => [`${path}/.keep`, ""])),
      },
      links: withContent("link"),
      contents: neededContents(RULES),
    });
    return judge(RULES, { ...facts, identity: image.facts.identity });
  }

  it("holds where no fault was planted", async () => {
    const broken = (await judged(new SampleImage())).filter(({ status }) => status === "failed");
    assert.deepEqual(
      broken.map(({ id, detail }) => [id, detail]),
      [["boot.bios", "the first sector holds no boot code"]],
    );
  });

  groups().forEach((plants, index) => {
    it(`catches ${plants.size} faults that were planted, disk ${index + 1}`, async () => {
      const image = new SampleImage();
      for (const plant of plants.values()) plant(image);
      const missed = (await judged(image)).filter(
        ({ id, status }) => plants.has(id) && status !== "failed",
      );
      assert.deepEqual(
        missed.map(({ id, status }) => [id, status]),
        [],
      );
    });
  });

  it("covers every rule, but for those about the disk itself", () => {
    const planted = groups().flatMap((plants) => [...plants.keys()]);
    const rest = RULES.map(({ id }) => id).filter((id) => !planted.includes(id));
    assert.deepEqual(rest, [
      "disk.consistent",
      "disk.standalone",
      "disk.partition-table",
      "disk.root-last",
      "disk.file-systems",
      "boot.bios",
      "boot.uefi",
      "payload.os-release",
      "payload.secrets",
    ]);
  });
});
