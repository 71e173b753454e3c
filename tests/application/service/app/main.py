# SPDX-License-Identifier: MIT
"""The addresses of the application."""
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from app import cache, catalogue, errors, models

application = FastAPI()


class Login(BaseModel):
    customer: int
    pages: int


class Document(BaseModel):
    text: str


@application.post("/login")
def login(request: Login):
    with models.open_database() as database:
        customer = database.scalars(
            select(models.Customer).where(models.Customer.id == request.customer)
            .options(selectinload(models.Customer.orders))).one()
    session = cache.start("s:%d" % (len(cache.SESSIONS) + 1), customer)
    for number in range(request.pages):
        page = b"<p>%s</p>" % customer.name.encode() * 6000
        session.visit("/customer/%d/page/%d" % (customer.id, number), page)
        session.payload["cart"].append({"article": number, "count": 1 + number % 3})
    return {"token": session.token}


@application.post("/catalogue")
async def upload(document: Document):
    try:
        return {"articles": len(catalogue.parse(document.text))}
    except ValueError as error:
        errors.remember(error)
        raise HTTPException(422, str(error)) from None
