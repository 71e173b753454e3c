# SPDX-License-Identifier: MIT
"""The tables: customers and what they ordered."""
from sqlalchemy import ForeignKey, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, sessionmaker
from sqlalchemy.pool import StaticPool

engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
open_database = sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = "customer"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    orders: Mapped[list["Order"]] = relationship(back_populates="customer")


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    article: Mapped[str]
    cents: Mapped[int]
    customer: Mapped[Customer] = relationship(back_populates="orders")


def fill(customers, orders):
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(Customer.__table__.insert(), [
            {"id": number, "name": "customer %d" % number} for number in range(1, customers + 1)])
        connection.execute(Order.__table__.insert(), [
            {"id": number, "customer_id": 1 + number % customers, "article": "article %d of %d" % (number, orders),
             "cents": 1000 + 37 * number} for number in range(1, orders + 1)])
