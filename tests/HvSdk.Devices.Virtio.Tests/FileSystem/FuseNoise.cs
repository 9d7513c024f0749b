using System.Runtime.InteropServices;

namespace HvSdk.Devices.Virtio.Tests.FileSystem;

/// <summary>Requests at random.</summary>
internal static class FuseNoise
{
    /// <summary>Arguments are shorter than this.</summary>
    public const int MaxArguments = 200;

    private static readonly FuseOpcode[] s_opcodes = Enum.GetValues<FuseOpcode>();

    /// <summary>A request that is nearly one: known opcodes, numbers that may exist, few names, and now and then noise.</summary>
    public static void Send(FuseClient client, Random random)
    {
        Span<byte> arguments = Arguments(random, stackalloc byte[random.Next(MaxArguments)]);
        FuseOpcode opcode = Opcode(random);
        uint length = (uint)(FuseRequestHeader.Size + arguments.Length);
        var header = new FuseRequestHeader(random.Next(50) == 0 ? (uint)random.Next() : length, opcode, 3, ((ulong)random.Next(3) << 32) | (uint)random.Next(12), 0, 0, 0, 0);
        Span<byte> request = [.. FuseClient.Bytes(header), .. arguments];
        if (random.Next(20) == 0)
        {
            random.NextBytes(request.Slice(random.Next(request.Length)));
        }

        if (opcode == FuseOpcode.Destroy && random.Next(50) > 0)
        {
            return;
        }

        client.Send(client.Requests, request, random.Next(4) == 0 ? random.Next(200) : 4096, random.Next(3) == 0 ? random.Next(16, 64) : int.MaxValue);
    }

    /// <summary>Arguments that are nearly some: handles, node numbers, sizes and offsets are small numbers at multiples of 8 or 4; often names follow.</summary>
    /// <param name="random">The source of chance.</param>
    /// <param name="arguments">Room for them, less than <see cref="MaxArguments"/> bytes.</param>
    /// <returns>The part that they take.</returns>
    public static Span<byte> Arguments(Random random, Span<byte> arguments)
    {
        arguments.Clear();
        for (int i = random.Next(6); i > 0 && arguments.Length > 8; i--)
        {
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

        return arguments;
    }

    /// <summary>An opcode, nearly always a known one.</summary>
    public static FuseOpcode Opcode(Random random) => random.Next(50) == 0 ? (FuseOpcode)random.Next(60) : s_opcodes[random.Next(s_opcodes.Length)];
}
