//! Amounts that lose nothing on the way: integers, rounded once, when they are shown.

use std::fmt;
use std::iter::Sum;
use std::ops::Add;
use std::str::FromStr;

/// US dollars, in millionths of a millionth of one (10⁻¹²).
///
/// A request unit of `DynamoDB` costs 625,000 of these, so even a price of a single one is a whole number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Money(u128);

/// How much of something, in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity(u128);

/// A text that is no quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is a number with at most three decimals, such as 2 or 0.5")]
pub struct InvalidQuantity;

impl Money {
    /// So many millionths of a millionth of a dollar.
    pub const fn pico(pico: u128) -> Self {
        Self(pico)
    }

    /// So many millionths of a dollar.
    pub const fn micro(micro: u128) -> Self {
        Self(micro * 1_000_000)
    }

    /// What so much costs, if this is what `per` units cost; rounded down to 10⁻¹² dollars.
    #[must_use]
    pub fn times(self, quantity: Quantity, per: u64) -> Self {
        let divisor = u128::from(per.max(1)) * 1_000;
        Self(self.0.saturating_mul(quantity.0) / divisor)
    }

    /// What is left when this is taken away; nothing if it is more.
    #[must_use]
    pub fn less(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// To the nearest cent.
    pub fn cents(self) -> u128 {
        (self.0 + 5_000_000_000) / 10_000_000_000
    }

    /// Rounded down to whole dollars.
    pub fn dollars(self) -> u128 {
        self.0 / 1_000_000_000_000
    }

    /// Every digit of it, and two decimals at least.
    pub fn exact(self) -> String {
        let text = format!("{}.{:012}", self.dollars(), self.0 % 1_000_000_000_000);
        let whole = text.len() - 10;
        let (cents, rest) = text.split_at(whole);
        format!("{cents}{}", rest.trim_end_matches('0'))
    }
}

/// To the nearest cent, such as `2737.50`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.cents() / 100, self.cents() % 100)
    }
}

impl Add for Money {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}

impl Quantity {
    /// So many thousandths.
    pub const fn milli(milli: u128) -> Self {
        Self(milli)
    }

    /// So many.
    pub const fn of(number: u128) -> Self {
        Self(number * 1_000)
    }

    /// In thousandths.
    pub const fn as_milli(self) -> u128 {
        self.0
    }

    /// To the nearest whole one.
    pub const fn rounded(self) -> u128 {
        (self.0 + 500) / 1_000
    }
}

/// With as many decimals as it has.
impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:03}", self.0 / 1_000, self.0 % 1_000);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl FromStr for Quantity {
    type Err = InvalidQuantity;

    fn from_str(text: &str) -> Result<Self, InvalidQuantity> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(decimals) || decimals.len() > 3 || whole.len() > 12 {
            return Err(InvalidQuantity);
        }
        format!("{whole}{decimals:0<3}")
            .parse()
            .map(Self)
            .map_err(|_| InvalidQuantity)
    }
}
