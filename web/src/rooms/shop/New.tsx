// A new server: where, how large, which system, whose keys. Then one is on its page and sees it being built.
import { Alert, Grid, Paper, Radio, SimpleGrid, Stack, Text, TextInput, Title } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconChevronLeft, IconInfoCircle } from "@tabler/icons-react";
import { useMutation, useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { useCallback, useState } from "react";
import { useTranslation } from "react-i18next";
import type { NewServer, Shop } from "../../api/generated/model";
import { createServer } from "../../api/generated/panel.ts";
import { queryClient, shopQuery, shopTemplatesQuery } from "../../api/queries.ts";
import classes from "../../parts/Cards.module.css";
import { KeyChoice } from "../../parts/KeyChoice.tsx";
import { LinkAnchor } from "../../parts/LinkButton.tsx";
import { Secret } from "../../parts/Secret.tsx";
import { Sizes } from "../../parts/Sizes.tsx";
import { Systems } from "../../parts/Systems.tsx";
import { sentenceOf } from "../../parts/said.ts";
import { chosenOf, HOURLY, isHostname, locationsOf, orderOf, sizesOf, type Values } from "./choice.ts";
import room from "./New.module.css";
import { Summary } from "./Summary.tsx";

const NAME_CHARS = 63;

export function New() {
  const { t } = useTranslation();
  const { data: shop } = useSuspenseQuery(shopQuery);
  return (
    <Stack gap="lg">
      <LinkAnchor to="/" size="sm" className={room.back}>
        <IconChevronLeft size={16} aria-hidden /> {t("app.back")}
      </LinkAnchor>
      <div>
        <Title order={1}>{t("shop.title")}</Title>
        <Text c="dimmed">{t("shop.text")}</Text>
      </div>
      {shop.offers.length === 0 ? <Text c="dimmed">{t("shop.nothing")}</Text> : <Order shop={shop} />}
    </Stack>
  );
}

function Order({ shop }: { shop: Shop }) {
  const { t } = useTranslation();
  const router = useRouter();
  const [made, setMade] = useState<NewServer>();
  const ways = waysOf(shop);
  const first = ways[0] ?? HOURLY;
  const form = useForm<Values>({
    initialValues: {
      way: first,
      location: String(locationsOf(shop, first)[0]?.id ?? ""),
      size: "",
      template: "",
      keys: [],
      name: "",
    },
    validate: {
      size: (value) => (value ? null : t("shop.chooseSize")),
      template: (value) => (value ? null : t("rebuild.choose")),
      name: (value) => (value.trim() ? null : t("shop.chooseName")),
    },
  });
  const { values, setFieldValue } = form;
  const setKeys = useCallback((keys: string[]) => setFieldValue("keys", keys), [setFieldValue]);
  const families = useQuery(shopTemplatesQuery(values.location, values.size, values.way !== HOURLY));
  const create = useMutation({
    mutationFn: (order: Values) => createServer(orderOf(order)),
    onSuccess: ({ data }) => {
      setMade(data);
      void queryClient.invalidateQueries({ queryKey: ["servers"] });
      void queryClient.invalidateQueries({ queryKey: shopQuery.queryKey });
    },
  });
  const leave = () => {
    if (made) void router.navigate({ to: "/server/$uuid", params: { uuid: made.uuid } });
  };
  // What was chosen below belongs to what was chosen above.
  const setWay = (way: string) =>
    form.setValues({ way, location: String(locationsOf(shop, way)[0]?.id ?? ""), size: "", template: "" });
  const setSize = (size: string) => {
    form.setValues({ size, template: "" });
    form.clearErrors();
  };
  return (
    <form onSubmit={form.onSubmit((order) => create.mutate(order))} noValidate>
      <Grid gap="lg">
        <Grid.Col span={{ base: 12, md: 8 }}>
          <Stack gap="lg">
            {ways.length > 1 && <Ways shop={shop} ways={ways} value={values.way} onChoose={setWay} />}
            <Locations
              shop={shop}
              way={values.way}
              value={values.location}
              onChoose={(location) => form.setValues({ location, size: "", template: "" })}
            />
            <Paper component="section">
              <Sizes
                label={t("shop.size")}
                sizes={sizesOf(shop, values.way, values.location).map((size) => ({ size }))}
                currency={shop.currency}
                value={values.size}
                onChoose={setSize}
                error={form.errors.size}
              />
            </Paper>
            <Paper component="section">
              {values.size ? (
                <Systems
                  families={families.data}
                  template={values.template}
                  onChoose={(template) => {
                    form.setFieldValue("template", template);
                    form.clearFieldError("template");
                  }}
                  error={form.errors.template}
                />
              ) : (
                <>
                  <Text className={classes.label}>{t("rebuild.system")}</Text>
                  <Text size="sm" c="dimmed">
                    {t("shop.sizeFirst")}
                  </Text>
                </>
              )}
            </Paper>
            <Paper component="section">
              <KeyChoice value={values.keys} onChange={setKeys} />
            </Paper>
            <Paper component="section">
              <TextInput
                label={t("shop.name")}
                description={t("shop.nameHint")}
                maxLength={NAME_CHARS}
                autoCapitalize="off"
                spellCheck={false}
                {...form.getInputProps("name")}
              />
              {values.name && !isHostname(values.name) && (
                <Text size="xs" c="dimmed" mt={6}>
                  {t("shop.nameOnly")}
                </Text>
              )}
            </Paper>
            {create.isError && (
              <Alert className={classes.bad} icon={<IconInfoCircle />} role="alert">
                {sentenceOf(create.error)}
              </Alert>
            )}
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 4 }}>
          <Summary
            shop={shop}
            chosen={chosenOf(shop, values, families.data)}
            isHourly={values.way === HOURLY}
            isPending={create.isPending}
          />
        </Grid.Col>
      </Grid>
      <Secret title={t("shop.created")} secret={made?.password} onStored={leave}>
        <Text size="sm">{t("shop.createdText")}</Text>
      </Secret>
    </form>
  );
}

/** By the hour, and each of one's packs that may have more servers. */
function waysOf(shop: Shop): string[] {
  const has = (kind: string) => shop.offers.some((offer) => offer.kind === kind);
  const packs = has("pack") ? shop.packs.filter((pack) => pack.enabled).map((pack) => String(pack.id)) : [];
  return has("hourly") ? [HOURLY, ...packs] : packs;
}

function Ways(props: { shop: Shop; ways: string[]; value: string; onChoose: (way: string) => void }) {
  const { t } = useTranslation();
  const name = (way: string) =>
    way === HOURLY ? t("shop.hourly") : (props.shop.packs.find((pack) => String(pack.id) === way)?.name ?? way);
  return (
    <Paper component="section">
      <Radio.Group
        label={t("shop.way")}
        value={props.value}
        onChange={props.onChoose}
        classNames={{ label: classes.label }}
      >
        <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm" mt="sm">
          {props.ways.map((way) => (
            <Radio.Card key={way} value={way} className={classes.card} p="md">
              <Text fw={600} size="sm">
                {name(way)}
              </Text>
              <Text size="sm" c="dimmed">
                {t(way === HOURLY ? "shop.hourlyText" : "shop.packText")}
              </Text>
            </Radio.Card>
          ))}
        </SimpleGrid>
      </Radio.Group>
    </Paper>
  );
}

function Locations(props: { shop: Shop; way: string; value: string; onChoose: (location: string) => void }) {
  const { t } = useTranslation();
  return (
    <Paper component="section">
      <Radio.Group
        label={t("shop.location")}
        value={props.value}
        onChange={props.onChoose}
        classNames={{ label: classes.label }}
      >
        <SimpleGrid cols={{ base: 1, xs: 2, sm: 3 }} spacing="sm" mt="sm">
          {locationsOf(props.shop, props.way).map((place) => (
            <Radio.Card key={place.id} value={String(place.id)} className={classes.card} p="md">
              <Text fw={600} size="sm">
                {place.name}
              </Text>
              {place.description && (
                <Text size="sm" c="dimmed">
                  {place.description}
                </Text>
              )}
            </Radio.Card>
          ))}
        </SimpleGrid>
      </Radio.Group>
    </Paper>
  );
}
