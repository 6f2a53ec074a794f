/* threshold.h - written by evaluate.py. */
#ifndef THRESHOLD_H
#define THRESHOLD_H

/* 99.9 % of the healthy windows score lower. */
#define THRESHOLD 15911950u

#endif
