//! The rules A3 to A7 as a naive loop over all orders and touches, to compare with.

use crate::attribution::rules::{Model, WEB_CHAT};

/// An order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) at: i64,
    pub(crate) value: i64,
}

/// A touch.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Touch {
    pub(crate) event: String,
    pub(crate) at: i64,
    pub(crate) class: String,
    pub(crate) unit: String,
    pub(crate) agent: bool,
    pub(crate) order: Option<String>,
}

/// A row of a group.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Row {
    Order(usize, Order),
    Touch(usize, Touch),
}

impl Row {
    pub(crate) fn group(&self) -> usize {
        match self {
            Self::Order(group, _) | Self::Touch(group, _) => *group,
        }
    }
}

/// An attributed row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attributed {
    pub(crate) order: String,
    pub(crate) unit: String,
    pub(crate) class: String,
    pub(crate) touched_at: i64,
    pub(crate) units: u32,
    pub(crate) value: i64,
}

impl Attributed {
    fn new(order: &Order, touch: &Touch, units: u32, value: i64) -> Self {
        Self {
            order: order.id.clone(),
            unit: touch.unit.clone(),
            class: touch.class.clone(),
            touched_at: touch.at,
            units,
            value,
        }
    }
}

fn latest<'a>(touches: impl Iterator<Item = &'a Touch>) -> Option<&'a Touch> {
    touches.max_by_key(|touch| (touch.at, &touch.event))
}

fn later(a: &Touch, b: &Touch) -> bool {
    (a.at, &a.event) > (b.at, &b.event)
}

/// Attributes one group. `windows` are in microseconds and include `web_chat`.
pub(crate) fn attribute(
    model: Model,
    windows: &[(&str, i64)],
    orders: &[Order],
    touches: &[Touch],
) -> Vec<Attributed> {
    let mut orders = orders.to_vec();
    orders.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    let mut answer = Vec::new();
    for order in &orders {
        let eligible: Vec<&Touch> = touches
            .iter()
            .filter(|touch| touch.order.as_ref().is_none_or(|id| *id == order.id))
            .filter(|touch| {
                let window = windows.iter().find(|(class, _)| *class == touch.class);
                let elapsed = order.at - touch.at;
                window.is_some_and(|(_, window)| 0 <= elapsed && elapsed <= *window)
            })
            .collect();
        let (web, others): (Vec<&Touch>, Vec<&Touch>) = eligible
            .into_iter()
            .partition(|touch| touch.class == WEB_CHAT);
        let web = latest(web.into_iter());
        match model {
            Model::LastTouch => {
                let kav = latest(others.into_iter()).filter(|touch| touch.agent);
                let winner = match (web, kav) {
                    (Some(web), Some(kav)) if later(kav, web) => Some(kav),
                    (Some(web), _) => Some(web),
                    (None, kav) => kav,
                };
                answer.extend(winner.map(|touch| Attributed::new(order, touch, 1, order.value)));
            }
            Model::Linear => {
                let agents = others.iter().copied().filter(|touch| touch.agent);
                if let Some(web) = web
                    && !agents.clone().any(|agent| later(agent, web))
                {
                    answer.push(Attributed::new(order, web, 1, order.value));
                    continue;
                }
                let mut units: Vec<&Touch> = Vec::new();
                for touch in &others {
                    let own = others
                        .iter()
                        .copied()
                        .filter(|other| (other.agent, &other.unit) == (touch.agent, &touch.unit));
                    let last = latest(own).unwrap();
                    if !units
                        .iter()
                        .any(|u| (u.agent, &u.unit) == (last.agent, &last.unit))
                    {
                        units.push(last);
                    }
                }
                units.sort_by(|a, b| (b.at, &b.event).cmp(&(a.at, &a.event)));
                let n = units.len() as i64;
                for (rank, touch) in (0i64..).zip(&units) {
                    if touch.agent {
                        let value = order.value / n + i64::from(rank < order.value % n);
                        answer.push(Attributed::new(order, touch, units.len() as u32, value));
                    }
                }
            }
        }
    }
    answer
}
