/** The storage pool that libvirt's own tools use where none is named; it has to be one of type `dir`. */
export const LIBVIRT_POOL = "default";
