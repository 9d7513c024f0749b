namespace HvSdk.Emulation.Differential;

/// <summary>Where a far transfer goes: mostly to code that ends the case.</summary>
/// <param name="Selector">Its code segment.</param>
/// <param name="Offset">Its offset.</param>
internal readonly record struct Target(ushort Selector, ulong Offset)
{
    /// <summary>Chooses one of code.</summary>
    /// <param name="random">Where from.</param>
    /// <param name="isLong">In long mode.</param>
    /// <param name="level">The level that it mostly has.</param>
    /// <param name="bitness">The code's size that it mostly has; 0: any.</param>
    public static Target Code(ref RandomSource random, bool isLong, int level, int bitness)
    {
        int offset = 2 * random.Below(64);
        ulong flat = MachineMap.Landing + (ulong)offset;
        ulong based = MachineMap.Landing - MachineMap.Code + (ulong)offset;
        if (random.Chance(4))
        {
            flat = based = random.Pick<ulong>([0xFFFF_FFFF, 0x1_0000_0000, 0xFFFF_8000_0000_0000, 0x8000_0000_0000, MachineMap.CodeEnd]);
        }

        switch (random.Below(20))
        {
            case 0:
                return new(AnyData(ref random, level), flat);
            case 1:
                return new((ushort)(MachineSelectors.ConformingCode32 | random.Below(4)), flat);
            case 2:
                return new((ushort)((SystemMap.Wild + (8 * random.Below(SystemMap.WildCount))) | random.Below(4)), random.Chance(50) ? flat : based);
            case 3:
                return new((ushort)((8 * random.Below(SystemMap.LocalCount + 1)) | 4 | random.Below(4)), random.Chance(50) ? flat : based);
        }

        LevelSegment kind = random.Chance(25) || bitness == 0 ? (LevelSegment)random.Below(3) : bitness switch
        {
            64 => LevelSegment.Code64,
            16 => LevelSegment.Code16,
            _ => LevelSegment.Code32,
        };
        if (kind == LevelSegment.Code64 && !isLong)
        {
            kind = LevelSegment.Code32;
        }

        int segmentLevel = random.Chance(80) ? level : random.Below(4);
        ushort selector = Level(kind, segmentLevel, random.Chance(90) ? segmentLevel : random.Below(4));
        return new(selector, kind == LevelSegment.Code16 ? based : flat);
    }

    /// <summary>Selector of a level's segment.</summary>
    public static ushort Level(LevelSegment kind, int level, int requested) =>
        (ushort)((SystemMap.Levels + (8 * ((level * 4) + (int)kind))) | requested);

    /// <summary>Chooses a selector for a data segment register.</summary>
    /// <param name="random">Where from.</param>
    /// <param name="level">The level that it mostly has.</param>
    public static ushort AnyData(ref RandomSource random, int level)
    {
        switch (random.Below(16))
        {
            case 0:
                return (ushort)random.Below(4); // null
            case 1:
                return (ushort)random.Next();
            case 2:
                return (ushort)((SystemMap.Systems + (16 * random.Below(SystemMap.SystemCount))) | random.Below(4));
            case 3:
                return (ushort)((8 * random.Below(SystemMap.LocalCount + 1)) | 4 | random.Below(4));
            case 4 or 5 or 6:
                return (ushort)((SystemMap.Wild + (8 * random.Below(SystemMap.WildCount))) | random.Below(4));
            case 7:
                return (ushort)(random.Pick<ushort>([
                    MachineSelectors.ConformingCode32, MachineSelectors.ReadOnlyData, MachineSelectors.ExpandDownData,
                    MachineSelectors.MissingData, MachineSelectors.ExecuteOnlyCode, MachineSelectors.Task]) | random.Below(4));
            case 8:
                return Level((LevelSegment)random.Below(3), random.Below(4), random.Below(4));
            default:
                int segmentLevel = random.Chance(75) ? level : random.Below(4);
                return Level(LevelSegment.Data, segmentLevel, random.Chance(75) ? segmentLevel : random.Below(4));
        }
    }

    /// <summary>Chooses any selector.</summary>
    /// <param name="random">Where from.</param>
    /// <param name="isLong">In long mode.</param>
    /// <param name="level">The level that it mostly has.</param>
    public static ushort AnySelector(ref RandomSource random, bool isLong, int level) => random.Below(4) switch
    {
        0 => Code(ref random, isLong, level, 0).Selector,
        1 => (ushort)((SystemMap.Systems + (16 * random.Below(SystemMap.SystemCount))) | random.Below(4)),
        _ => AnyData(ref random, level),
    };
}
