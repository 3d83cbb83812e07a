import { MultiSelect, NumberInput, Select, SimpleGrid, Stack, Switch, Textarea } from "@mantine/core";
import { useState } from "react";
import { api, ask, newRequestId } from "../../api/client.ts";
import { Problem } from "../../api/problem.ts";
import type { Trunk } from "../../api/types.ts";
import { formatNumber } from "../../format/numbers.ts";
import { decimalText } from "../../format/typed.ts";
import { useLanguage, useText } from "../../i18n/index.ts";
import { FormModal } from "../../ui/FormModal.tsx";
import { HINT_BELOW, PasswordField, TextField } from "../../ui/fields.tsx";
import { GatewayFields, NEW_GATEWAY } from "./GatewayFields.tsx";
import { Section } from "./Section.tsx";
import { TrunkNumbers } from "./TrunkNumbers.tsx";
import { complaintAt, linesOf, readRates, writeRates } from "./trunkText.ts";

const MASK =
  "displayName,gateways,registers,userName,sourceNetworks,codecs,srtp,digits,callerHeader,country,dialedFormat,callerFormat,limits,currency,rates,priority,enabled";
const CODECS = ["PCMA", "PCMU", "OPUS"];

export function TrunkForm(props: { trunk: Trunk; onClose: () => void; onSaved: () => Promise<void> }) {
  const t = useText();
  const language = useLanguage();
  const [trunk, setTrunk] = useState<Trunk>({ gateways: [NEW_GATEWAY], currency: "EUR", ...props.trunk });
  const [password, setPassword] = useState("");
  const [networks, setNetworks] = useState((props.trunk.sourceNetworks ?? []).join("\n"));
  const [rates, setRates] = useState(writeRates(props.trunk.rates));
  const [spend, setSpend] = useState(props.trunk.limits?.spendLimit?.amount ?? "");
  const [requestId] = useState(newRequestId);
  const change = (part: Partial<Trunk>) => setTrunk((before) => ({ ...before, ...part }));
  const limit = (part: Partial<NonNullable<Trunk["limits"]>>) =>
    change({ limits: { ...trunk.limits, ...part } });
  const { trunkId, version, limits } = trunk;

  const written = (): Trunk => {
    const read = readRates(rates);
    if (read.wrong !== undefined) {
      const description = t("trunks.ratesWrong", { line: formatNumber(read.wrong, language) });
      throw new Problem(400, "INVALID_INPUT", "", [{ field: "trunk.rates", description }]);
    }
    const { spendLimit: _, ...others } = limits ?? {};
    const most = decimalText(spend);
    return {
      ...trunk,
      sourceNetworks: linesOf(networks),
      rates: read.rates,
      limits: most ? { ...others, spendLimit: { amount: most, currency: trunk.currency ?? "" } } : others,
    };
  };
  const save = async () => {
    const values = written();
    if (trunkId) {
      const path = { "trunk.trunkId": trunkId };
      const body = { trunk: values, updateMask: MASK, version };
      // Should the password be refused, what is saved by then is what the next try goes on from.
      const saved = await ask(api.PATCH("/v1/trunks/{trunk.trunkId}", { params: { path }, body }));
      change({ version: saved.version });
      if (password) {
        const params = { path: { trunkId } };
        await ask(api.POST("/v1/trunks/{trunkId}:setPassword", { params, body: { password } }));
      }
    } else await ask(api.POST("/v1/trunks", { body: { requestId, trunk: values, password } }));
    await props.onSaved();
  };
  return (
    <FormModal
      title={trunkId ? t("trunks.edit") : t("trunks.add")}
      onClose={props.onClose}
      onSave={save}
      size="xl"
      testId="trunk"
    >
      {(problem) => (
        <>
          <TextField
            label={t("trunks.name")}
            required
            data-autofocus
            maxLength={120}
            value={trunk.displayName ?? ""}
            error={complaintAt(problem, "trunk.displayName")}
            onChange={(event) => change({ displayName: event.currentTarget.value })}
            data-testid="trunk-name"
          />
          <Switch
            label={t("trunks.enabled")}
            checked={trunk.enabled ?? false}
            onChange={(event) => change({ enabled: event.currentTarget.checked })}
          />
          <GatewayFields
            gateways={trunk.gateways ?? []}
            problem={problem}
            onChange={(gateways) => change({ gateways })}
          />
          <Section title={t("trunks.signIn")}>
            <Stack gap="sm">
              <Switch
                label={t("trunks.registers")}
                description={t("trunks.registersHint")}
                checked={trunk.registers ?? false}
                onChange={(event) => change({ registers: event.currentTarget.checked })}
              />
              <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="sm">
                <TextField
                  label={t("trunks.userName")}
                  dir="ltr"
                  autoComplete="off"
                  maxLength={128}
                  required={trunk.registers ?? false}
                  value={trunk.userName ?? ""}
                  error={complaintAt(problem, "trunk.userName")}
                  onChange={(event) => change({ userName: event.currentTarget.value })}
                  data-testid="trunk-user"
                />
                <PasswordField
                  label={t("trunks.password")}
                  description={trunk.hasPassword ? t("trunks.passwordKept") : undefined}
                  inputWrapperOrder={HINT_BELOW}
                  autoComplete="new-password"
                  maxLength={256}
                  value={password}
                  error={complaintAt(problem, "password")}
                  onChange={(event) => setPassword(event.currentTarget.value)}
                  data-testid="trunk-password"
                />
              </SimpleGrid>
              <Textarea
                label={t("trunks.networks")}
                description={t("trunks.networksHint")}
                dir="ltr"
                autosize
                minRows={2}
                value={networks}
                error={complaintAt(problem, "trunk.sourceNetworks")}
                onChange={(event) => setNetworks(event.currentTarget.value)}
              />
            </Stack>
          </Section>
          <TrunkNumbers trunk={trunk} problem={problem} onChange={change} />
          <Section title={t("trunks.media")}>
            <SimpleGrid cols={{ base: 1, sm: 3 }} spacing="sm">
              <MultiSelect
                label={t("trunks.codecs")}
                data={CODECS}
                value={trunk.codecs ?? ["PCMA", "PCMU"]}
                error={complaintAt(problem, "trunk.codecs")}
                onChange={(codecs) => change({ codecs })}
              />
              <Select
                label={t("trunks.srtp")}
                allowDeselect={false}
                data={(["SRTP_POLICY_NEVER", "SRTP_POLICY_PREFER", "SRTP_POLICY_REQUIRE"] as const).map(
                  (value) => ({
                    value,
                    label: t(`trunks.srtp.${value}`),
                  }),
                )}
                value={trunk.srtp ?? "SRTP_POLICY_NEVER"}
                onChange={(value) => change({ srtp: value as NonNullable<Trunk["srtp"]> })}
              />
              <Select
                label={t("trunks.digits")}
                allowDeselect={false}
                data={[
                  { value: "DIGITS_MODE_RTP", label: "RFC 4733" },
                  { value: "DIGITS_MODE_INFO", label: "SIP INFO" },
                ]}
                value={trunk.digits ?? "DIGITS_MODE_RTP"}
                onChange={(value) => change({ digits: value as NonNullable<Trunk["digits"]> })}
              />
            </SimpleGrid>
          </Section>
          <Section title={t("trunks.limits")}>
            <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="sm">
              <NumberInput
                label={t("trunks.maxCalls")}
                min={1}
                max={2000}
                value={limits?.maxConcurrentCalls || 30}
                error={complaintAt(problem, "trunk.limits.maxConcurrentCalls")}
                onChange={(value) => limit({ maxConcurrentCalls: Number(value) })}
              />
              <NumberInput
                label={t("trunks.maxRate")}
                min={1}
                max={200}
                value={limits?.maxCallsPerSecond || 5}
                error={complaintAt(problem, "trunk.limits.maxCallsPerSecond")}
                onChange={(value) => limit({ maxCallsPerSecond: Number(value) })}
              />
              <TextField
                label={t("trunks.spendLimit")}
                description={t("trunks.spendLimitHint")}
                inputWrapperOrder={HINT_BELOW}
                inputMode="decimal"
                dir="ltr"
                value={spend}
                error={complaintAt(problem, "trunk.limits.spendLimit")}
                onChange={(event) => setSpend(event.currentTarget.value)}
              />
              <TextField
                label={t("trunks.currency")}
                description="ISO 4217"
                inputWrapperOrder={HINT_BELOW}
                dir="ltr"
                maxLength={3}
                value={trunk.currency ?? ""}
                error={complaintAt(problem, "trunk.currency")}
                onChange={(event) => change({ currency: event.currentTarget.value.toUpperCase() })}
              />
            </SimpleGrid>
            <Textarea
              mt="sm"
              label={t("trunks.rates")}
              description={t("trunks.ratesHint")}
              dir="ltr"
              autosize
              minRows={2}
              maxRows={10}
              value={rates}
              error={complaintAt(problem, "trunk.rates")}
              onChange={(event) => setRates(event.currentTarget.value)}
              data-testid="trunk-rates"
            />
          </Section>
        </>
      )}
    </FormModal>
  );
}
