import { z } from "zod";

import { type Architecture, ARCHITECTURES } from "../architecture";

/** Fields that several contracts have. */

export const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "must be 64 hexadecimal digits");
export const sha512 = z.string().regex(/^[0-9a-f]{128}$/, "must be 128 hexadecimal digits");

/** A stage's key. */
export const key = sha256;

/** SHA-256 of input files by their name, followed by "+x" where one is executable. */
export const fileDigests = z.record(z.string(), z.string());

/** Reference of the Docker image in which the stage's programs run. */
export const toolsImage = z.string();

export const acceleratorSetting = z.enum(["auto", "kvm", "tcg"]);

/** What a guest really ran on. */
export const accelerator = z.enum(["kvm", "tcg"]);

export const architecture = z.enum(Object.keys(ARCHITECTURES) as Architecture[]);

export const channel = z.enum(["agent", "ssh"]);

export const firmware = z.enum(["bios", "uefi"]);

/** Bytes, seconds, MiB or a number of processors. */
export const size = z.number().int().nonnegative();

export const seconds = z.number().positive();

/** What a guest may connect to on this machine and beside it, see parseEndpoint; "any" for everything. */
export const allow = z.array(z.string());

/** Bytes that the package files of all builds may take; 0 for no cache of them. */
export const packageCache = size;

/** Port on 127.0.0.1 where the guest's screen can be watched; null for none. */
export const vnc = z.number().int().nullable();
