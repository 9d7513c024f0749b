using System.Runtime.InteropServices;

namespace HvSdk.Devices.Virtio.Tests.FileSystem;

/// <summary>Requests at random.</summary>
internal static class FuseNoise
{
    private static readonly FuseOpcode[] s_opcodes = Enum.GetValues<FuseOpcode>();

    /// <summary>A request that is nearly one: known opcodes, numbers that may exist, few names, and now and then noise.</summary>
    public static void Send(FuseClient client, Random random)
    {
        Span<byte> arguments = stackalloc byte[random.Next(200)];
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
}
