/** How a shift is changed, as messages know it: "BREAK_MOVE". */
export function kindOf(kind: string | undefined): string {
  return (kind ?? "").replace("ADJUSTMENT_KIND_", "");
}
