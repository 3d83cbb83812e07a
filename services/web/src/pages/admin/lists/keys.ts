/** Keys that expressions call lists by. */

/** A key that a name suggests; nothing where it has no Latin letters. */
export function keyOf(name: string): string {
  const plain = name.normalize("NFKD").toLowerCase().replace(/ə/g, "e").replace(/ı/g, "i");
  return plain
    .replace(/[\u0300-\u036f]/g, "")
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^[^a-z]+|_+$/g, "")
    .slice(0, 40);
}
