namespace HvSdk.Emulation.Differential;

/// <summary>Fills the tables of a system case: GDT, LDT, IDT, TSS and I/O map.</summary>
internal static class SystemTables
{
    private const int GateVectorBytes = 16;

    /// <summary>Adds the tables to a case's memory.</summary>
    public static void Add(ref RandomSource random, TestCase test)
    {
        var machine = Machine.Of(test.Mode);
        AddInterruptGates(ref random, test, machine);
        if (test.Mode == MachineMode.Real16)
        {
            return;
        }

        for (int level = 0; level < 4; level++)
        {
            for (LevelSegment kind = 0; kind <= LevelSegment.Data; kind++)
            {
                Add(test, MachineMap.Gdt + Target.Level(kind, level, 0), RandomDescriptors.OfLevel(ref random, kind, level));
            }
        }

        for (int i = 0; i < SystemMap.SystemCount; i++)
        {
            (ulong low, ulong high) = RandomDescriptors.System(ref random, machine.IsLong);
            ulong address = MachineMap.Gdt + SystemMap.Systems + (ulong)(16 * i);
            Add(test, address, low);
            Add(test, address + 8, high);
        }

        for (int i = 0; i < SystemMap.WildCount; i++)
        {
            Add(test, MachineMap.Gdt + SystemMap.Wild + (ulong)(8 * i), RandomDescriptors.CodeOrData(ref random));
        }

        for (int i = 0; i < SystemMap.LocalCount; i++)
        {
            Add(test, SystemMap.LocalTable + (ulong)(8 * i), RandomDescriptors.CodeOrData(ref random));
        }

        AddTaskSegment(ref random, test, machine);
    }

    private static void AddInterruptGates(ref RandomSource random, TestCase test, Machine machine)
    {
        for (int i = 0; i < SystemMap.VectorCount + 2; i++)
        {
            int vector = i < 2 ? 3 + i : SystemMap.FirstVector + i - 2;
            ulong handler = MachineMap.Handlers + (ulong)(vector * MachineMap.HandlerSize);
            if (test.Mode == MachineMode.Real16)
            {
                if (random.Chance(50))
                {
                    // Two gates of four bytes: one to the end of the case, the next to its handler again.
                    ulong landing = ((MachineMap.Landing >> 4) << 16) | (ulong)(2 * random.Below(64));
                    Add(test, (ulong)(vector * 4), landing | ((handler + MachineMap.HandlerSize) << 32));
                }

                continue;
            }

            (ulong low, ulong high) = RandomDescriptors.InterruptGate(ref random, machine.IsLong);
            bool isFlat = (low & 0xFFFF_0000_0000_0000) != 0;
            if (isFlat && random.Chance(50))
            {
                low = (low & 0x0000_FFFF_FFFF_0000) | (handler & 0xFFFF) | ((handler & 0xFFFF_0000) << 32);
            }

            ulong address = MachineMap.Idt + (ulong)(vector * (machine.IsLong ? GateVectorBytes : 8));
            Add(test, address, low);
            if (machine.IsLong)
            {
                Add(test, address + 8, high);
            }
        }
    }

    private static void AddTaskSegment(ref RandomSource random, TestCase test, Machine machine)
    {
        for (int level = 0; level < 3; level++)
        {
            ulong stack = MachineMap.InterruptStackTop - (ulong)(0x400 * level) - (random.Chance(10) ? (ulong)random.Below(16) : 0);
            if (machine.IsLong)
            {
                ulong pointer = random.Chance(3) ? random.Next() : stack;
                Add(test, MachineMap.Tss + 4 + (ulong)(8 * level), pointer);
            }
            else
            {
                ulong selector = random.Chance(8) ? Target.AnyData(ref random, level) : Target.Level(LevelSegment.Data, level, level);
                Add(test, MachineMap.Tss + 4 + (ulong)(8 * level), stack | (selector << 32));
            }
        }

        if (machine.IsLong)
        {
            for (int index = 1; index <= 7; index++)
            {
                ulong pointer = random.Chance(5) ? random.Next() : MachineMap.InterruptStackTop - 0x300 - (ulong)(0x60 * index) - (ulong)(random.Chance(30) ? random.Below(16) : 0);
                Add(test, MachineMap.Tss + 36 + (ulong)(8 * (index - 1)), pointer);
            }
        }

        // Some ports of the map are closed; never the one that ends cases.
        ulong map = MachineMap.Tss + Machine.TssSize;
        Add(test, map + 8, random.Chance(50) ? random.Next() : 0);
        Add(test, map + 0x100, random.Chance(50) ? random.Next() : 0);
    }

    private static void Add(TestCase test, ulong address, ulong value) => test.Patches.Add(new(address, value));
}
