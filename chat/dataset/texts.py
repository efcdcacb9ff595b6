"""Texts in English and Chinese whose words are as frequent as words are: few of them
everywhere, most of them hardly ever. The same seed gives the same texts."""

from __future__ import annotations

from itertools import accumulate
from random import Random

LONG_TITLE = "A long conversation"
ENGLISH = """
the of and to in a is that for it as was with be by on not he his but at are this
have from or had an they which one you were all her she there would their we him
been has when who will no more if out so up said what its about than into them can
only other time new some could these two may first then do any like my now over such
our server database stream message conversation python function error request
response token model answer question code test memory process thread network client
browser page search index query cursor session user password key file folder table
column string number value object class method return import module package version
release branch commit deploy cache queue worker task event loop socket protocol
header cookie proxy cluster node backup restore transaction lock update delete
insert select join filter sort limit group average vector matrix gradient layer
batch attention transformer embedding prompt
"""
CHINESE = """
的 了 是 在 和 有 不 这 也 就 都 要 会 对 与 为 我们 你们 可以 一个 没有 什么 这个
时候 自己 知道 因为 所以 如果 但是 问题 使用 数据 系统 方法 进行 通过 需要 服务 用户
信息 模型 训练 学习 网络 程序 代码 函数 变量 对象 类型 接口 请求 响应 错误 测试 内存
线程 进程 缓存 队列 任务 事件 循环 连接 协议 浏览器 页面 搜索 索引 查询 会话 密码
文件 目录 表格 字段 数字 返回 模块 版本 发布 分支 提交 合并 部署 容器 集群 节点 备份
恢复 事务 写入 读取 更新 删除 插入 选择 过滤 排序 限制 分组 计算 平均 矩阵 向量 损失
批次 注意力 嵌入
"""
SYLLABLES = """
ba ce di fo gu ha je ki lo mu na pe ri so tu va we zi ra le mi no pu sa te tion ment
ing er ly ness al ic ous
"""
HAN = [chr(code) for code in range(0x4E00, 0x4E00 + 3000)]
RARE = 20_000
MOST_WORDS = 500
SENTENCE = 9


class Texts:
    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._english = ENGLISH.split() + self._rare(SYLLABLES.split(), 2, 4)
        self._chinese = CHINESE.split() + self._rare(HAN, 2, 2)
        self._weights = {
            len(words): list(accumulate(1 / (rank + 3) for rank in range(len(words))))
            for words in (self._english, self._chinese)
        }

    def _rare(self, parts: list[str], least: int, most: int) -> list[str]:
        draw = self._random
        words = {
            "".join(draw.choices(parts, k=draw.randint(least, most)))
            for _ in range(RARE)
        }
        return sorted(words)

    def title(self) -> str:
        return self.text(self._random.randint(2, 6)).rstrip("。.")

    def question(self) -> str:
        return self.text(self._length(2.3))

    def answer(self) -> str:
        return self.text(self._length(4.0))

    def _length(self, middle: float) -> int:
        return min(MOST_WORDS, 2 + int(self._random.lognormvariate(middle, 0.8)))

    def text(self, count: int) -> str:
        """So many words, in sentences; Chinese half of the time."""
        if self._random.random() < 0.5:
            return self._sentences(self._chinese, "", "，", "。", count)
        return self._sentences(self._english, " ", ", ", ". ", count).rstrip()

    def _sentences(
        self, words: list[str], gap: str, comma: str, stop: str, count: int
    ) -> str:
        drawn = self._random.choices(
            words, cum_weights=self._weights[len(words)], k=count
        )
        parts = [
            gap.join(drawn[at : at + SENTENCE]) for at in range(0, count, SENTENCE)
        ]
        pairs = [comma.join(parts[at : at + 2]) for at in range(0, len(parts), 2)]
        return "".join(pair + stop for pair in pairs)
