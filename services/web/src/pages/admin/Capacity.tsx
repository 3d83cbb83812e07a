import { Button, Fieldset, MultiSelect, NumberInput, SimpleGrid, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../api/client.ts";
import type { CapacityRules, Channel, ChannelRule } from "../../api/types.ts";
import { textOr, useText } from "../../i18n/index.ts";
import { toast } from "../../ui/announce.tsx";
import { Form } from "../../ui/Form.tsx";
import { useRefresh } from "../../ui/ListPage.tsx";
import { Loading } from "../../ui/LoadMore.tsx";
import { PageHeader, Panel } from "../../ui/Page.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { CHANNELS } from "./CapacityFields.tsx";

/** How much every agent handles at once, and what may interrupt what. */
export function CapacityTab() {
  const t = useText();
  const { data, error, refetch } = useQuery({
    queryKey: ["capacityRules"],
    queryFn: () => ask(api.GET("/v1/capacityRules")),
  });
  return (
    <>
      <PageHeader title={t("capacity.title")} subtitle={t("capacity.lead")} />
      {error && <ProblemNote problem={error} onRetry={() => void refetch()} />}
      {!data && !error && <Loading />}
      {data && (
        <Panel label={t("capacity.title")}>
          <RulesForm key={data.version} rules={data} />
        </Panel>
      )}
    </>
  );
}

function RulesForm({ rules }: { rules: CapacityRules }) {
  const t = useText();
  const refresh = useRefresh("capacityRules");
  const [channels, setChannels] = useState(rules.channels ?? []);
  const [problem, setProblem] = useState<unknown>();
  const change = (channel: Channel, part: Partial<ChannelRule>) =>
    setChannels((before) => before.map((each) => (each.channel === channel ? { ...each, ...part } : each)));
  const save = async () => {
    setProblem(undefined);
    try {
      const body = { capacityRules: { channels }, version: rules.version };
      await ask(api.PATCH("/v1/capacityRules", { body }));
      toast(t("common.saved"));
      await refresh();
    } catch (error) {
      setProblem(error);
    }
  };
  return (
    <Form onSubmit={() => void save()}>
      <Stack>
        {CHANNELS.map(([channel, most]) => {
          const rule = channels.find((each) => each.channel === channel);
          return (
            rule && (
              <RuleFields key={channel} rule={rule} most={most} onChange={(part) => change(channel, part)} />
            )
          );
        })}
        <ProblemNote problem={problem} />
        <div>
          <Button type="submit" data-testid="capacity-save">
            {t("common.save")}
          </Button>
        </div>
      </Stack>
    </Form>
  );
}

interface FieldsProps {
  rule: ChannelRule;
  most: number;
  onChange: (part: Partial<ChannelRule>) => void;
}

function RuleFields({ rule, most, onChange }: FieldsProps) {
  const t = useText();
  const others = CHANNELS.filter(([channel]) => channel !== rule.channel);
  return (
    <Fieldset legend={textOr("capacity", rule.channel ?? "")}>
      <SimpleGrid cols={{ base: 1, sm: 3 }}>
        <NumberInput
          label={t("capacity.most")}
          min={0}
          max={most}
          clampBehavior="strict"
          allowDecimal={false}
          value={rule.capacity ?? 0}
          onChange={(value) => onChange({ capacity: Number(value) })}
          data-testid={`capacity-most-${rule.channel}`}
        />
        <NumberInput
          label={t("capacity.weight")}
          min={1}
          max={100}
          allowDecimal={false}
          value={rule.weight ?? 0}
          onChange={(value) => onChange({ weight: Number(value) })}
          data-testid={`capacity-weight-${rule.channel}`}
        />
        <MultiSelect
          label={t("capacity.interrupts")}
          data={others.map(([channel]) => ({ value: channel, label: textOr("capacity", channel) }))}
          value={(rule.interrupts ?? []).filter((each) => others.some(([channel]) => channel === each))}
          onChange={(shown) => onChange({ interrupts: [...hidden(rule), ...(shown as Channel[])] })}
          data-testid={`capacity-interrupts-${rule.channel}`}
        />
      </SimpleGrid>
    </Fieldset>
  );
}

/** Interrupted channels that have no fields here stay as they are. */
function hidden(rule: ChannelRule): Channel[] {
  return (rule.interrupts ?? []).filter((each) => !CHANNELS.some(([channel]) => channel === each));
}
