import { Select } from "@mantine/core";
import { useState } from "react";
import { useBrands } from "../../../api/names.ts";
import type { BrandShare, Money } from "../../../api/types.ts";
import { useText } from "../../../i18n/index.ts";

interface Line {
  brands?: BrandShare[];
  quantity?: string;
  includedQuantity?: string;
  amount?: Money;
}

const ALL = "*";

/** Lines of all brands, or what one of them has of each; the picker is there when a brand has anything at all. */
export function useByBrand<L extends Line>(lines: readonly L[]) {
  const t = useText();
  const [chosen, setChosen] = useState(ALL);
  const named = new Set(lines.flatMap((line) => (line.brands ?? []).map((each) => each.brandId ?? "")));
  const there = [...named].some((brand) => brand !== "");
  const brands = useBrands(there).data ?? [];
  const said = new Map(
    lines.flatMap((line) => (line.brands ?? []).map((each) => [each.brandId, each.brandName])),
  );
  const nameOf = (id: string) =>
    said.get(id) || brands.find((each) => each.brandId === id)?.displayName || id;
  const picker = there ? (
    <Select
      label={t("byBrand.label")}
      description={chosen === ALL ? undefined : t("byBrand.hint")}
      maw={320}
      mb="sm"
      allowDeselect={false}
      value={chosen}
      onChange={(value) => setChosen(value ?? ALL)}
      data={[
        { value: ALL, label: t("byBrand.all") },
        ...[...named]
          .filter((id) => id !== "")
          .map((id) => ({ value: id, label: nameOf(id) }))
          .sort((one, other) => one.label.localeCompare(other.label)),
        { value: "", label: t("byBrand.none") },
      ]}
      data-testid="by-brand"
    />
  ) : null;
  const all = !there || chosen === ALL;
  return { lines: all ? lines : lines.flatMap((line) => shareOf(line, chosen)), all, picker };
}

function shareOf<L extends Line>(line: L, brandId: string): L[] {
  const share = line.brands?.find((each) => (each.brandId ?? "") === brandId);
  if (!share) return [];
  const { quantity, includedQuantity, amount } = share;
  return [{ ...line, quantity, includedQuantity, amount }];
}
