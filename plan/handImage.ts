/** The name of the image that `up` leaves for use by hand; each also has a tag of its content, by which one of another checkout is told. */
export const HAND_IMAGE = "kragle";

/** The label by which one is known that is made of just what the plan says. */
export const DIGEST_LABEL = "kragle.context";
