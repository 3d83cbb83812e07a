import { Button, MultiSelect, NumberInput, SimpleGrid, Switch, Textarea, TextInput } from "@mantine/core";
import { useState } from "react";
import type { SimulationInput, Waiting } from "../../../api/types.ts";
import { useText } from "../../../i18n/index.ts";
import { useNumberLists } from "../useFlow.ts";
import { MISSING, standingOf } from "./inputs.ts";

interface Props {
  onGive: (input: SimulationInput) => void;
}

/** Which share of a split the call falls to. */
export function Shares({ waiting, onGive }: Props & { waiting: Waiting }) {
  const t = useText();
  return (waiting.outcomes ?? []).map((name) => (
    <Button
      key={name}
      variant="default"
      onClick={() => onGive({ split: name })}
      data-testid={`simulator-split-${name}`}
    >
      {t("simulator.drew", { name })}
    </Button>
  ));
}

const NUMBERS = ["waiting", "agents", "free", "expected_wait"] as const;

/** How a queue stands. */
export function Standing({ onGive }: Props) {
  const t = useText();
  const [numbers, setNumbers] = useState<Record<string, number | string>>({});
  const [closed, setClosed] = useState(false);
  const [holiday, setHoliday] = useState("");
  return (
    <>
      <SimpleGrid cols={2} spacing="xs">
        {NUMBERS.map((name) => (
          <NumberInput
            key={name}
            label={t(`simulator.standing.${name}`)}
            min={0}
            max={99_999}
            allowDecimal={false}
            value={numbers[name] ?? ""}
            onChange={(value) => setNumbers({ ...numbers, [name]: value })}
            data-testid={`simulator-standing-${name}`}
          />
        ))}
      </SimpleGrid>
      <Switch
        label={t("simulator.standing.closed")}
        checked={closed}
        onChange={(event) => setClosed(event.currentTarget.checked)}
        data-testid="simulator-standing-closed"
      />
      <TextInput
        label={t("simulator.standing.holiday")}
        maxLength={100}
        value={holiday}
        onChange={(event) => setHoliday(event.currentTarget.value)}
      />
      <Button
        onClick={() => onGive({ queueStanding: standingOf(numbers, closed, holiday) })}
        data-testid="simulator-standing"
      >
        {t("simulator.itStands")}
      </Button>
      <Button variant="default" onClick={() => onGive({ queueStanding: "failed" })}>
        {t("flowSteps.notTold")}
      </Button>
    </>
  );
}

/** Which lists the numbers are in that a step asks about. */
export function Lists({ onGive }: Props) {
  const t = useText();
  const lists = useNumberLists().data ?? [];
  const [keys, setKeys] = useState<string[]>([]);
  return (
    <>
      {lists.length > 0 && (
        <>
          <MultiSelect
            label={t("simulator.lists")}
            data={lists.map((list) => ({ value: list.key ?? "", label: list.displayName ?? "" }))}
            value={keys}
            onChange={setKeys}
            data-testid="simulator-lists"
          />
          <Button
            disabled={keys.length === 0}
            onClick={() => onGive({ numberLists: keys.join(" ") })}
            data-testid="simulator-in-lists"
          >
            {t("simulator.itIsSo")}
          </Button>
        </>
      )}
      <Button
        variant="default"
        onClick={() => onGive({ numberLists: "none" })}
        data-testid="simulator-in-no-list"
      >
        {t("simulator.inNoList")}
      </Button>
    </>
  );
}

/** What looking for a customer comes to. */
export function Customer({ onGive }: Props) {
  const t = useText();
  const [known, setKnown] = useState('{"display_name": ""}');
  return (
    <>
      <Textarea
        label={t("simulator.customer")}
        autosize
        minRows={2}
        maxRows={8}
        dir="ltr"
        spellCheck={false}
        value={known}
        onChange={(event) => setKnown(event.currentTarget.value)}
        data-testid="simulator-customer"
      />
      <Button onClick={() => onGive({ customer: known.trim() })} data-testid="simulator-customer-found">
        {t("simulator.customer.found")}
      </Button>
      {MISSING.map((outcome) => (
        <Button
          key={outcome}
          variant="default"
          onClick={() => onGive({ customer: outcome })}
          data-testid={`simulator-customer-${outcome}`}
        >
          {t(`simulator.customer.${outcome}`)}
        </Button>
      ))}
    </>
  );
}
