/** The tag of the image that `up` leaves for use by hand. */
export const HAND_IMAGE = "kragle";

/** The label by which one is known that is made of just what the plan says. */
export const DIGEST_LABEL = "kragle.context";
