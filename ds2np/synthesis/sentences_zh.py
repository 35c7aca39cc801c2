"""Short Mandarin sentences from a small grammar of everyday words.

Many of its syllables are written in several ways: 在 and 再, 做 and 作 and 坐, 是 and 事 and 市 and
室 and 试, 他 and 她 and 它. Only the words around them tell which one is meant.

The words are those that espeak-ng says in Mandarin: it spells 熊, 穷 and the suffix 儿 in English,
and says 便宜 with the wrong first syllable.
"""

import re

WORDS = {
    "WE": "我 你 我们 你们",
    "YOU": "你 你们 大家",
    "WHO": "我 你 我们 你们 大家 老师 同学 邻居 朋友 孩子 客人",
    "HE": "爸爸 哥哥 弟弟 爷爷 叔叔 舅舅 儿子",
    "SHE": "妈妈 姐姐 妹妹 奶奶 阿姨 姑姑 女儿",
    "KIN": "爸爸 哥哥 弟弟 爷爷 叔叔 妈妈 姐姐 妹妹 奶奶 阿姨",
    "JOB": "医生 老师 司机 警察 护士 律师 工人 农民 画家 歌手 记者 演员",
    "ANIMAL": "猫 狗 鸟 兔子 老虎 猴子 羊 鸭子",
    "PLACE": "学校 医院 公园 商店 饭店 银行 机场 车站 图书馆 办公室 超市 教室 电影院 动物园",
    "ROOM": "房间 客厅 厨房 花园 门口 楼上 楼下 外面",
    "SIDE": "左边 右边 前面 后面 对面",
    "CITY": "北京 上海 广州 南京 西安 香港",
    "COUNTRY": "中国 美国 法国 英国 日本",
    "LANGUAGE": "汉语 英语 法语 日语",
    "SUBJECT": "数学 历史 音乐 体育 科学",
    "FOOD": "米饭 面条 饺子 鸡蛋 牛肉 面包 蛋糕 豆腐 羊肉",
    "PIECE": "饺子 鸡蛋 面包 蛋糕 苹果 西瓜",
    "FRUIT": "苹果 香蕉 西瓜 葡萄 蔬菜",
    "DRINK": "水 茶 咖啡 牛奶 果汁 啤酒",
    "COLOUR": "红色 黄色 蓝色 绿色 白色 黑色 灰色 紫色",
    "FUR": "黄色 白色 黑色 灰色",
    "BOOK": "书 杂志 小说 字典",
    "SHEET": "纸 照片 地图 票",
    "HELD": "椅子 雨伞 刀 钥匙",
    "SHIRT": "衣服 衬衫 毛衣 大衣",
    "SKIRT": "裤子 裙子",
    "PAIR": "鞋 袜子 筷子 手套",
    "CAR": "汽车 自行车 出租车 公共汽车",
    "TRAVEL": "坐飞机 坐火车 坐船 坐地铁 开车 骑自行车 走路",
    "TODAY": "今天 明天 后天 星期一 星期二 周末",
    "PAST": "昨天 前天 去年 上个月",
    "PART": "早上 上午 中午 下午 晚上",
    "HOUR": "一点 两点 三点 四点 五点 六点 七点 八点 九点 十点",
    "TENS": "二 三 四 五 六 七 八 九",
    "COUNT": "两 三 四 五 六 七 八 九 十",
    "SKY": "下雨 下雪 刮风",
    "SEASON": "春天 夏天 秋天 冬天",
    "SCENERY": "树 草 叶子 月亮 星星 太阳",
    "GREEN": "树 草 花 叶子",
    "FEEL": "高兴 累 饿 渴 忙 冷 热 难过 舒服 着急 生气 快乐",
    "LOOK": "漂亮 干净 贵 新 旧 大 小",
    "HOW": "非常 很 特别",
    "HOBBY": "唱歌 跳舞 游泳 跑步 画画 看电影 听音乐 打篮球 踢足球 爬山 旅游 聊天",
    "CHORE": "洗碗 做饭 洗衣服 买菜 写作业 打电话 睡觉 起床 休息 洗澡 刷牙",
    "DONE": "唱 跳 写 画 说",
    "ILL": "头疼 发烧 感冒 咳嗽 肚子疼 牙疼",
}

TEMPLATES = (
    # who somebody is
    *("他是我的HE", "她是我的SHE", "他HE是JOB", "她SHE是JOB", "KIN想当JOB", "YOU认识那个JOB吗"),
    *("他比HE高", "她比SHE矮", "SHE比HE矮", "HE说他HOW FEEL", "SHE说她HOW FEEL"),
    *(
        "认识KIN HOW高兴",
        "KIN今年TENS十岁了",
        "TODAY是KIN的生日",
        "祝KIN生日快乐",
        "祝KIN新年快乐",
    ),
    # food
    *("WHO喜欢吃FOOD", "KIN不喜欢喝DRINK", "请KIN再喝一杯DRINK", "请给我COUNT杯DRINK"),
    *("WE想吃FOOD和FRUIT", "FRUIT和FOOD都很好吃", "KIN做的FOOD真好吃", "KIN吃了COUNT个PIECE"),
    # buying
    *("KIN想买一件COLOUR的SHIRT", "这条COLOUR的SKIRT多少钱", "KIN买了一条COLOUR的SKIRT"),
    *("KIN给我买了一双PAIR", "WE要一双COLOUR的PAIR", "这本BOOK多少钱", "那家商店卖FRUIT"),
    *("PLACE里卖FOOD吗", "KIN的SHIRT太LOOK了", "COLOUR的SHIRT真LOOK", "PLACE的FRUIT太贵了"),
    # places and journeys
    *("WHO TODAY去PLACE", "WHO PAST去了CITY", "WHO正在PLACE等车", "KIN在PLACE工作"),
    *("PLACE在银行的SIDE", "WHO喜欢CITY这个城市", "WHO TRAVEL去PLACE", "KIN每天TRAVEL上班"),
    *("从COUNTRY到CITY要坐飞机", "从CITY到COUNTRY要COUNT个小时", "一辆CAR停在PLACE门口"),
    *(
        "KIN的CAR坏了",
        "请在PLACE的SIDE等KIN",
        "谁TODAY去PLACE",
        "谁知道PLACE在哪里",
        "PLACE里人HOW多",
    ),
    # time
    *("现在是PART HOUR", "KIN PART HOUR起床", "WE TODAY PART HOUR见面", "对不起WHO PART来晚了"),
    *("请KIN再等COUNT分钟", "KIN还要COUNT分钟", "WHO每天PART CHORE"),
    # weather
    *("CITY TODAY会SKY吗", "CITY PAST SKY了", "CITY的SEASON HOW冷", "SEASON的SCENERY真美"),
    *("KIN最喜欢SEASON", "请KIN关上ROOM的门", "外面的SCENERY HOW美", "KIN在看SCENERY"),
    # feelings, hobbies and chores
    *("WHO今天HOW FEEL", "KIN为什么这么FEEL", "KIN HOW喜欢HOBBY", "WHO TODAY想去HOBBY"),
    *("YOU会HOBBY吗", "我们TODAY一起去HOBBY吧", "KIN DONE得HOW好", "KIN跑得HOW快"),
    *("KIN正在CHORE", "KIN别忘了CHORE", "请安静KIN在ROOM睡觉", "KIN在ROOM休息"),
    # things
    *("HELD在ROOM的桌子上", "KIN找不到PAIR了", "YOU看见我的HELD了吗", "这张SHEET是谁的"),
    *("请把那张SHEET给KIN", "这张SHEET是KIN的", "请把HELD放在ROOM", "桌子上有COUNT本BOOK"),
    *("谢谢KIN送我BOOK", "ROOM的灯PART还开着", "WHO在ROOM看BOOK", "这把HELD是COLOUR的"),
    # school and work
    *("SUBJECT考试HOW难", "KIN TODAY有SUBJECT考试", "WHO TODAY有SUBJECT课", "YOU会说LANGUAGE吗"),
    *("WHO在教室学习LANGUAGE", "这个问题WHO来回答", "KIN问了COUNT个问题", "KIN回答了COUNT个问题"),
    *(
        "KIN的LANGUAGE说得HOW好",
        "KIN的朋友是JOB",
        "KIN在哪里工作",
        "请KIN再说一遍",
        "请KIN再听一遍音乐",
        "这件事KIN知道吗",
        "WE有一件事想问KIN",
    ),
    *("WE应该告诉KIN这件事", "KIN的电话号码是多少", "没关系WHO可以帮助KIN", "WHO忘了KIN的电话号码"),
    # health
    *("KIN ILL要去看医生", "WE ILL就多喝水", "WE PAST ILL没去PLACE"),
    # animals and nature
    *("它是KIN家的ANIMAL", "它是一只小ANIMAL", "FUR的ANIMAL在树下面", "KIN家的ANIMAL HOW大"),
    *(
        "ROOM有一只FUR的ANIMAL",
        "KIN有一只小ANIMAL",
        "ANIMAL在ROOM睡觉",
        "COLOUR的花HOW香",
        "CITY的河HOW长",
        "去PLACE的路HOW长",
    ),
    *("PLACE后面的山上有很多GREEN",),
)

_LISTS = {name: words.split() for name, words in WORDS.items()}
_PARTS = [[part for part in re.split("([A-Z]+)| ", each) if part] for each in TEMPLATES]


def draw_sentence(rng):
    """Draw a sentence of about four to fifteen characters, without spaces."""
    parts = _PARTS[rng.integers(len(_PARTS))]
    return "".join(
        words[rng.integers(len(words))] if (words := _LISTS.get(part)) else part for part in parts
    )
