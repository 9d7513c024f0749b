using HvSdk.Testing;

namespace HvSdk.Boot.Tests;

/// <summary>A machine with RAM and nothing else, to load images into.</summary>
internal sealed class LoadBench : IDisposable
{
    private readonly Hypervisor _hypervisor;
    private readonly Partition _partition;

    /// <summary>Makes a machine with a PC's map.</summary>
    /// <param name="megabytes">RAM, from address 0 on; 640 KiB to 1 MiB are reserved in it.</param>
    /// <param name="highMegabytes">RAM from 4 GiB on.</param>
    internal LoadBench(int megabytes = 64, int highMegabytes = 0)
        : this(Map(megabytes, highMegabytes))
    {
    }

    internal LoadBench(BootMachine machine)
    {
        Machine = machine;
        _hypervisor = Hypervisor.Open(new ScriptedBackend());
        _partition = _hypervisor.CreatePartition();
        foreach (MemoryMapEntry entry in machine.MemoryMap.Where(static e => e.Kind == MemoryMapKind.Usable))
        {
            ulong start = entry.Address & ~0xFFFUL;
            Memory.Map(start, (entry.Address + entry.Size - start + 0xFFF) & ~0xFFFUL);
        }
    }

    internal BootMachine Machine { get; set; }

    internal GuestMemory Memory => _partition.Memory;

    internal static BootMachine Map(int megabytes, int highMegabytes = 0)
    {
        List<MemoryMapEntry> map =
        [
            new(0, 0xA_0000, MemoryMapKind.Usable),
            new(0xA_0000, 0x6_0000, MemoryMapKind.Reserved),
            new(0x10_0000, ((ulong)megabytes << 20) - 0x10_0000, MemoryMapKind.Usable),
        ];
        if (highMegabytes > 0)
        {
            map.Add(new(1UL << 32, (ulong)highMegabytes << 20, MemoryMapKind.Usable));
        }

        return new BootMachine { MemoryMap = map, AcpiRootPointer = 0xE_0000, DeviceTree = new DeviceTree() };
    }

    internal X64BootState Load(X64BootImage image) => image.Load(Machine, Memory);

    internal byte[] Read(ulong address, int length)
    {
        byte[] bytes = new byte[length];
        Memory.Read(address, bytes);
        return bytes;
    }

    /// <summary>Reads the text at an address, up to its final zero.</summary>
    internal string ReadText(ulong address)
    {
        var text = new System.Text.StringBuilder();
        for (byte b; (b = Memory.Read<byte>(address++)) != 0;)
        {
            text.Append((char)b);
        }

        return text.ToString();
    }

    /// <summary>Fills RAM with what a guest left there, so that what a loader forgets to clear shows.</summary>
    internal LoadBench Dirty(ulong address, int length)
    {
        byte[] bytes = new byte[length];
        Array.Fill(bytes, (byte)0xA5);
        Memory.Write(address, bytes);
        return this;
    }

    public void Dispose()
    {
        _partition.Dispose();
        _hypervisor.Dispose();
    }

    /// <summary>Bytes that can be told apart from each other and from zeros, and do not compress well.</summary>
    internal static byte[] Noise(int length, int seed = 1)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
