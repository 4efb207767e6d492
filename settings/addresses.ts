import { z } from "zod";

import { isLoopbackAddress } from "../host/aptSources";

/** The address of a file; it may contain a token, so no message repeats it. */
export const address = (example: string) => {
  const error = `is not the address of a file; write it as in ${example}`;
  return z
    .string(error)
    .refine((url) => /^https?:\/\/\S+$/.test(url) && URL.canParse(url), { error });
};

/** The same of one that a container fetches. */
export const addressForContainers = (example: string) =>
  address(example).refine((url) => !isLoopbackAddress(url), {
    error:
      "is this machine's loopback, which the container that fetches it does not reach; name another address of this machine on which the service listens",
  });
