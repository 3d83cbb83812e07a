import { Select, SimpleGrid } from "@mantine/core";
import type { Problem } from "../../api/problem.ts";
import type { Trunk } from "../../api/types.ts";
import { useText } from "../../i18n/index.ts";
import { TextField } from "../../ui/fields.tsx";
import { CountrySelect } from "./CountrySelect.tsx";
import { Section } from "./Section.tsx";
import { complaintAt } from "./trunkText.ts";

interface Props {
  trunk: Trunk;
  problem: Problem | undefined;
  onChange: (part: Partial<Trunk>) => void;
}

type Format = "dialedFormat" | "callerFormat";
type Part = "strip" | "prefix";

/** How the carrier writes numbers, ours and theirs. */
export function TrunkNumbers({ trunk, problem, onChange }: Props) {
  const t = useText();
  const fields: readonly (readonly [Format, Part, string, string])[] = [
    ["dialedFormat", "strip", t("trunks.dialedStrip"), "trunk.dialed_format.strip"],
    ["dialedFormat", "prefix", t("trunks.dialedPrefix"), "trunk.dialed_format.prefix"],
    ["callerFormat", "strip", t("trunks.callerStrip"), "trunk.caller_format.strip"],
    ["callerFormat", "prefix", t("trunks.callerPrefix"), "trunk.caller_format.prefix"],
  ];
  return (
    <Section title={t("trunks.numbers")}>
      <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="sm">
        {fields.map(([format, part, label, path]) => (
          <TextField
            key={path}
            label={label}
            dir="ltr"
            maxLength={17}
            placeholder={part === "strip" ? "+" : "00"}
            value={trunk[format]?.[part] ?? ""}
            error={complaintAt(problem, path)}
            onChange={(event) =>
              onChange({ [format]: { ...trunk[format], [part]: event.currentTarget.value } })
            }
          />
        ))}
        <Select
          label={t("trunks.callerHeader")}
          allowDeselect={false}
          data={[
            { value: "CALLER_HEADER_ASSERTED_IDENTITY", label: "P-Asserted-Identity" },
            { value: "CALLER_HEADER_FROM", label: "From" },
          ]}
          value={trunk.callerHeader ?? "CALLER_HEADER_ASSERTED_IDENTITY"}
          onChange={(value) => onChange({ callerHeader: value as NonNullable<Trunk["callerHeader"]> })}
        />
        <CountrySelect
          label={t("trunks.country")}
          description={t("trunks.countryHint")}
          value={trunk.country ?? ""}
          error={complaintAt(problem, "trunk.country")}
          onChange={(country) => onChange({ country })}
        />
      </SimpleGrid>
    </Section>
  );
}
