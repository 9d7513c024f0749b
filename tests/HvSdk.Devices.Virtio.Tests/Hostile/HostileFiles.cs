using System.Runtime.InteropServices;

namespace HvSdk.Devices.Virtio.Tests.Hostile;

internal sealed class HostileFiles : HostileSubject
{
    private const int MaxBytes = 1 << 20;

    private static readonly FuseOpcode[] s_opcodes = Enum.GetValues<FuseOpcode>();

    private readonly MemoryTree _tree = new(new MemoryTreeOptions { MaxBytes = MaxBytes, MaxNames = 100 });
    private readonly FileSystemDevice _device;

    public HostileFiles(Random random) => _device = new FileSystemDevice(
        "x", _tree.Root, new FileSystemOptions { MaxNodes = 60, MaxOpenFiles = 20, MaxTransfer = 1 << 14, QueueSize = 64, RequestQueues = random.Next(1, 3) });

    public override VirtioDevice Device => _device;

    public override void Open(AnyBench bench, Random random)
    {
        if (random.Next(8) != 0)
        {
            Mount(bench);
        }
    }

    public override int Compose(int queue, Random random, Span<byte> content, out int writable)
    {
        Span<byte> arguments = content.Slice(FuseRequestHeader.Size, random.Next(200));
        arguments.Clear();
        for (int i = random.Next(6); i > 0 && arguments.Length > 8; i--)
        {
            // Handles, node numbers, sizes and offsets are small numbers at multiples of 8 or 4.
            int at = random.Next(arguments.Length / 4) * 4;
            ulong value = random.Next(10) == 0 ? (ulong)random.NextInt64(long.MinValue, long.MaxValue) : ((ulong)random.Next(3) << 32) | (uint)random.Next(30);
            MemoryMarshal.Write(arguments[int.Min(at, arguments.Length - 8)..], in value);
        }

        int start = random.Next(5) * 8;
        if (random.Next(3) > 0 && start + 6 < arguments.Length)
        {
            arguments = arguments[..(start + 4)];
            "a\0b\0"u8.CopyTo(arguments[start..]);
            arguments[start] += (byte)random.Next(8);
            arguments[start + 2] += (byte)random.Next(8);
        }

        FuseOpcode opcode = random.Next(50) == 0 ? (FuseOpcode)random.Next(60) : s_opcodes[random.Next(s_opcodes.Length)];
        opcode = opcode is FuseOpcode.Destroy or FuseOpcode.Init && random.Next(30) > 0 ? FuseOpcode.Lookup : opcode;
        int length = FuseRequestHeader.Size + arguments.Length;
        uint said = random.Next(50) == 0 ? (uint)random.Next() : (uint)length;
        MemoryMarshal.Write(content, new FuseRequestHeader(said, opcode, 3, ((ulong)random.Next(3) << 32) | (uint)random.Next(12), 0, 0, 0, 0));
        writable = random.Next(4) == 0 ? random.Next(200) : 4096;
        return length;
    }

    public override void Act(Random random) => _tree.Delete($"{(char)('a' + random.Next(8))}");

    public override void Check()
    {
        Assert.InRange(_tree.UsedBytes, 0, MaxBytes);
        Assert.Null(_device.Counters.LastFailure);
    }

    public override void Prove(AnyBench bench) => Assert.Equal(0, MemoryMarshal.Read<FuseAnswerHeader>(Mount(bench)).Error);

    private static byte[] Mount(AnyBench bench)
    {
        var init = new FuseInitRequest(7, 31, 0x20000, (FuseInitFlags)uint.MaxValue);
        byte[] request = new byte[FuseRequestHeader.Size + 64];
        MemoryMarshal.Write(request, new FuseRequestHeader((uint)request.Length, FuseOpcode.Init, 1, 0, 0, 0, 0, 0));
        MemoryMarshal.Write(request.AsSpan(FuseRequestHeader.Size), init);
        return bench.Ask(1, request, 256);
    }
}
