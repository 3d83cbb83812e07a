import { Fieldset, NumberInput, SimpleGrid } from "@mantine/core";
import type { Agent, Channel } from "../../api/types.ts";
import { textOr, useText } from "../../i18n/index.ts";

type Capacities = NonNullable<Agent["capacities"]>;

/** Channels people handle, with the most there can be of each. */
export const CHANNELS: readonly (readonly [Channel, number])[] = [
  ["CHANNEL_VOICE", 1],
  ["CHANNEL_CHAT", 20],
  ["CHANNEL_SMS", 20],
  ["CHANNEL_EMAIL", 20],
  ["CHANNEL_SOCIAL", 20],
];

/** How many contacts of a channel one agent handles at once, where it differs from the company's rules. */
export function CapacityFields(props: { capacities: Capacities; onChange: (next: Capacities) => void }) {
  const t = useText();
  const set = (channel: Channel, value: string | number) => {
    const others = props.capacities.filter((each) => each.channel !== channel);
    props.onChange(value === "" ? others : [...others, { channel, capacity: Number(value) }]);
  };
  return (
    <Fieldset legend={t("capacity.title")}>
      <SimpleGrid cols={{ base: 2, sm: 3 }}>
        {CHANNELS.map(([channel, most]) => (
          <NumberInput
            key={channel}
            label={textOr("capacity", channel)}
            placeholder={t("capacity.hint")}
            min={0}
            max={most}
            clampBehavior="strict"
            allowDecimal={false}
            value={capacityOf(props.capacities, channel)}
            onChange={(value) => set(channel, value)}
            data-testid={`capacity-${channel}`}
          />
        ))}
      </SimpleGrid>
    </Fieldset>
  );
}

/** A capacity of 0 isn't written out in JSON. */
function capacityOf(capacities: Capacities, channel: Channel): number | "" {
  const own = capacities.find((each) => each.channel === channel);
  return own ? (own.capacity ?? 0) : "";
}
